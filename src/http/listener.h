// SPDX-License-Identifier: Apache-2.0
// Accepts connections for one address and hands them to the I/O threads in turn. Under a flood the
// connections that have waited longest without sending a request make room; where none does, a
// newcomer is told so and let go at once, so that the last descriptors stay free for the rest of
// the process. Runs on the first I/O thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "http/core.h"

namespace monocle {

class Listener {
 public:
  Listener(ServerCore& core, std::vector<std::unique_ptr<IoThread>>& threads);

  Status open();       // before the threads run
  void accept_next();  // first: before the threads run
  void close();        // on the first I/O thread
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  void on_accepted(boost::system::error_code error, Socket socket, IoThread& target);
  void pause();

  ServerCore& core_;
  std::vector<std::unique_ptr<IoThread>>& threads_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::size_t next_ = 0;
  std::uint16_t port_ = 0;
};

}  // namespace monocle
