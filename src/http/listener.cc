// SPDX-License-Identifier: Apache-2.0
#include "http/listener.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <utility>

#include "http/connection.h"
#include "http/wire.h"

namespace monocle {
namespace {

namespace asio = boost::asio;
constexpr std::chrono::milliseconds kPauseTime{100};
constexpr int kBacklog = 4096;

asio::ip::address plain_address(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

// One attempt, without waiting: a client beyond the limits is owed no more.
void turn_away(asio::ip::tcp::socket& socket, const ServerCore& core) {
  const HttpReply reply =
      core.error_reply({503, "the server has as many connections as it can hold"});
  AnswerHead head;
  head.status = reply.status;
  head.length = reply.body.size();
  head.keep_alive = false;
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(format_head(head, reply.headers) + reply.body), ignored);
  socket.close(ignored);
}

bool make_room(IoThread& io) {
  if (io.waiting.empty()) return false;
  ++io.core.refused;
  io.waiting.front()->close(Connection::Close::kQuiet);
  return true;
}

// On the thread that the connection is to live on.
void admit(IoThread& io, asio::ip::tcp::socket socket) {
  ServerCore& core = io.core;
  boost::system::error_code error;
  const asio::ip::address address = plain_address(socket.remote_endpoint(error).address());
  if (error || core.draining) return;
  const bool crowded = core.connections >= core.connection_limit;
  if ((crowded && !make_room(io)) || !core.addresses.enter(address)) {
    ++core.refused;
    return turn_away(socket, core);
  }
  ++core.connections;
  std::make_shared<Connection>(io, std::move(socket), address)->start();
}

}  // namespace

Listener::Listener(ServerCore& core, std::vector<std::unique_ptr<IoThread>>& threads)
    : core_(core),
      threads_(threads),
      acceptor_(threads.front()->context),
      pause_(threads.front()->context) {}

Status Listener::open() {
  const HttpOptions& options = core_.options;
  boost::system::error_code error;
  const asio::ip::address address = asio::ip::make_address(options.address, error);
  if (error) {
    return fail(ErrorCode::kInvalidArgument, "the address '{}' is not a numeric IP address",
                options.address);
  }
  const asio::ip::tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
  if (!error && address.is_v6()) {
    acceptor_.set_option(asio::ip::v6_only(!address.is_unspecified()), error);
  }
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (error) {
    return fail(ErrorCode::kUnavailable, "cannot listen on {} port {}: {}", options.address,
                options.port, error.message());
  }
  port_ = acceptor_.local_endpoint(error).port();
  return {};
}

void Listener::accept_next() {
  IoThread& target = *threads_[next_++ % threads_.size()];
  acceptor_.async_accept(target.context,
                         [this, &target](boost::system::error_code error, Socket socket) {
                           on_accepted(error, std::move(socket), target);
                         });
}

void Listener::on_accepted(boost::system::error_code error, Socket socket, IoThread& target) {
  if (!acceptor_.is_open()) return;
  if (error) {
    // Out of descriptors or memory, or the client has left already.
    if (!make_room(*threads_.front())) return pause();
    return accept_next();
  }
  asio::dispatch(target.context, [&target, socket = std::move(socket)]() mutable {
    admit(target, std::move(socket));
  });
  accept_next();
}

void Listener::pause() {
  pause_.expires_after(kPauseTime);
  pause_.async_wait([this](boost::system::error_code error) {
    if (!error && acceptor_.is_open()) accept_next();
  });
}

void Listener::close() {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

}  // namespace monocle
