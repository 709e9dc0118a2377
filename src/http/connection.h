// SPDX-License-Identifier: Apache-2.0
// One client's connection: reads requests one after the other, hands each to the workers as an
// exchange, writes the answers. All of it runs on its I/O thread, except wake(). A read wait is
// armed in every state, so that a client that leaves is noticed also while nothing is sent; reads
// go into the thread's scratch space, so that an idle connection holds no buffer.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "http/core.h"
#include "http/request_parser.h"
#include "http/wire.h"

namespace monocle {

class Connection final : public ExchangeSink, public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Error = boost::system::error_code;
  enum class Close { kQuiet, kGone, kSlow };

  // The socket is on io.context and counted in core.connections and core.addresses.
  Connection(IoThread& io, Socket socket, boost::asio::ip::address address);

  void start();
  void drain();           // no further request; ends now when nothing runs
  void close(Close how);  // ends now
  void wake() override;

 private:
  using Clock = std::chrono::steady_clock;
  enum class State { kHead, kBody, kAnswering, kLingering, kClosed };
  struct Segment {
    std::string bytes;
    bool counted = false;  // part of HttpExchange::queued_bytes
  };

  // Every turn of the event loop goes through here: what a hook or an allocation throws ends this
  // connection only.
  template <class Turn>
  void guarded(Turn turn) {
    if (state_ == State::kClosed) return;
    try {
      turn();
    } catch (const std::exception&) {
      close(Close::kGone);
    }
  }

  // connection.cc: life, timers, reading
  void begin_head(std::chrono::milliseconds first_byte_time);
  void leave_waiting();
  void arm_read();
  void on_readable(Error error);
  bool read_some();
  [[nodiscard]] std::size_t input_room() const;
  void on_end_of_input();
  void set_deadline(Clock::time_point deadline);
  void arm_timer();
  void on_timer();
  void on_deadline();
  [[nodiscard]] Clock::time_point body_deadline() const;

  // connection_request.cc: bytes -> request
  void process();
  void read_head();
  bool take_head(std::size_t length);
  void route();
  void expect_body();
  void read_body();
  void dispatch();
  void refuse(const HttpRefusal& refusal);
  void turn_away(HttpReply reply);

  // connection_answer.cc: answer -> bytes
  void answer(HttpReply reply);
  void on_wake();
  void put_head(Outbox* outbox);
  void put_pieces(Outbox* outbox);
  void put(std::string bytes, bool counted);
  void flush();
  std::size_t write_some(Error* error);
  void arm_write();
  int bytes_in_kernel();
  void note_progress();
  void consume(std::size_t bytes);
  void end_answer();
  void end_exchange(bool client_gone);
  void linger();

  IoThread& io_;
  ServerCore& core_;
  Socket socket_;
  boost::asio::steady_timer timer_;
  const boost::asio::ip::address address_;

  State state_ = State::kHead;
  std::list<Connection*>::iterator waiting_;  // valid in kHead
  Clock::time_point deadline_ = Clock::time_point::max();
  Clock::time_point timer_at_ = Clock::time_point::max();  // when the armed timer fires
  bool read_armed_ = false;
  bool end_of_input_ = false;  // FIN

  // The request that is being read.
  std::string input_;        // read and not yet consumed
  std::size_t scanned_ = 0;  // of input_, known to hold no end of the head
  bool head_begun_ = false;
  Clock::time_point begun_;       // first byte of the head
  Clock::time_point body_begun_;  // end of the head
  std::size_t body_wire_bytes_ = 0;
  std::size_t body_limit_ = 0;
  std::unique_ptr<RequestParser> parser_;
  HttpRequest request_;
  std::shared_ptr<std::size_t> body_share_;  // of core.body_bytes; returns them when let go

  // The answer.
  std::shared_ptr<HttpExchange::Impl> exchange_;
  bool keep_alive_ = true;
  bool head_only_ = false;
  bool http_1_0_ = false;
  bool chunked_ = false;
  bool body_wanted_ = true;
  bool answer_begun_ = false;
  bool answer_complete_ = false;
  std::deque<Segment> output_;
  std::size_t output_sent_ = 0;  // of the first segment
  bool write_armed_ = false;
  int kernel_bytes_ = 0;        // sent and not acknowledged, when last looked at
  Clock::time_point progress_;  // when the client last took something, or the queue was empty
};

}  // namespace monocle
