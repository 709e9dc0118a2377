// SPDX-License-Identifier: Apache-2.0
// Life, timers and reading of a connection.
#include "http/connection.h"

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace monocle {
namespace {

namespace asio = boost::asio;
constexpr std::chrono::milliseconds kPollTime{500};
constexpr int kReadsPerWake = 4;

void set_option(int socket, int level, int name, int value) {
  ::setsockopt(socket, level, name, &value, sizeof value);  // comfort: a failure changes no answer
}

void set_options(int socket, const HttpLimits& limits) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  // Bytes that the client does not take wait here, where they are counted, and not in the kernel.
  set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 128 << 10);
  // A peer whose machine vanished answers neither probes nor data.
  const auto stall = static_cast<int>(std::min<std::int64_t>(limits.stall_time.count(), 600'000));
  set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, std::max(3 * stall, 30'000));
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 30);
  set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
  set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

// Whether the other side has ended its sending side, whatever still waits to be read.
bool peer_has_closed(int socket) {
  pollfd entry{socket, POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace

Connection::Connection(IoThread& io, Socket socket, asio::ip::address address)
    : io_(io),
      core_(io.core),
      socket_(std::move(socket)),
      timer_(io.context),
      address_(std::move(address)) {}

void Connection::start() {
  Error error;
  socket_.non_blocking(true, error);
  set_options(socket_.native_handle(), core_.options.limits);
  io_.connections.insert(this);
  begin_head(core_.options.limits.header_time);
  guarded([this] { on_readable({}); });  // most clients have sent their request by now
}

void Connection::drain() {
  keep_alive_ = false;
  if (state_ == State::kHead || state_ == State::kBody) close(Close::kQuiet);
}

void Connection::close(Close how) {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  leave_waiting();
  const bool was_asked = state_ == State::kBody || state_ == State::kAnswering;
  state_ = State::kClosed;
  if (how != Close::kQuiet && was_asked) ++core_.gone;
  if (how == Close::kSlow) {
    ++core_.slow;
    // What the kernel still holds for this client goes, too.
    const ::linger now{1, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  Error ignored;
  timer_.cancel();
  socket_.close(ignored);
  io_.connections.erase(this);
  core_.addresses.leave(address_);
  --core_.connections;
  body_share_.reset();
  end_exchange(true);
}

void Connection::begin_head(std::chrono::milliseconds first_byte_time) {
  state_ = State::kHead;
  waiting_ = io_.waiting.insert(io_.waiting.end(), this);
  parser_.reset();
  request_ = {};
  scanned_ = 0;
  head_begun_ = false;
  head_only_ = false;  // a head that cannot be read is answered with a body
  http_1_0_ = false;
  if (input_.empty()) input_.shrink_to_fit();
  set_deadline(Clock::now() + first_byte_time);
}

void Connection::leave_waiting() {
  if (state_ == State::kHead) io_.waiting.erase(waiting_);
}

void Connection::arm_read() {
  if (read_armed_ || end_of_input_ || state_ == State::kClosed) return;
  if (state_ == State::kHead && input_room() == 0) return;  // process() is on its way
  if (state_ == State::kAnswering && input_room() == 0) {
    // A client that sends on and on while it waits: its bytes stay in the kernel, and whether it
    // has left is asked now and then.
    set_deadline(std::min(deadline_, Clock::now() + kPollTime));
    return;
  }
  read_armed_ = true;
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](Error error) {
    self->guarded([&] { self->on_readable(error); });
  });
}

void Connection::on_readable(Error error) {
  read_armed_ = false;
  if (error) return close(Close::kGone);
  for (int i = 0; i < kReadsPerWake; ++i) {
    if (!read_some() || state_ == State::kClosed) break;
  }
  arm_read();
}

// Between requests and during an answer no more than one head is read ahead.
std::size_t Connection::input_room() const {
  const std::size_t most = io_.scratch.size();
  if (state_ != State::kHead && state_ != State::kAnswering) return most;
  const std::size_t limit =
      core_.options.limits.header_bytes + 1;  // one more shows that it is too long
  return input_.size() >= limit ? 0 : std::min(most, limit - input_.size());
}

// False: nothing more for now.
bool Connection::read_some() {
  const std::size_t room = input_room();
  if (room == 0) return false;
  Error error;
  const std::size_t bytes = socket_.read_some(asio::buffer(io_.scratch.data(), room), error);
  if (error == asio::error::would_block || error == asio::error::try_again) return false;
  if (error == asio::error::eof) {
    on_end_of_input();
    return false;
  }
  if (error) {
    close(Close::kGone);
    return false;
  }
  if (state_ == State::kLingering) return true;
  input_.append(io_.scratch.data(), bytes);
  process();
  return bytes == room;
}

void Connection::on_end_of_input() {
  end_of_input_ = true;
  switch (state_) {
    case State::kHead:
    case State::kLingering:
      return close(Close::kQuiet);
    case State::kBody:
      return close(Close::kGone);
    case State::kAnswering:
      if (exchange_ && exchange_->half_closed()) close(Close::kGone);
      return;
    case State::kClosed:
      return;
  }
}

// The timer is left armed for an earlier time and looks at the deadline when it fires: moving a
// deadline back, which every request does several times, then costs nothing.
void Connection::set_deadline(Clock::time_point deadline) {
  deadline_ = deadline;
  if (deadline_ < timer_at_) arm_timer();
}

void Connection::arm_timer() {
  timer_at_ = deadline_;
  timer_.expires_at(timer_at_);
  timer_.async_wait([self = shared_from_this()](Error error) {
    if (!error) self->guarded([&] { self->on_timer(); });
  });
}

void Connection::on_timer() {
  timer_at_ = Clock::time_point::max();
  if (deadline_ == Clock::time_point::max()) return;
  if (Clock::now() >= deadline_) {
    deadline_ = Clock::time_point::max();
    on_deadline();
  }
  if (state_ != State::kClosed && deadline_ < timer_at_) arm_timer();
}

Connection::Clock::time_point Connection::body_deadline() const {
  const HttpLimits& limits = core_.options.limits;
  const double rate = static_cast<double>(std::max<std::size_t>(limits.body_bytes_per_s, 1));
  const std::chrono::duration<double> earned(static_cast<double>(body_wire_bytes_) / rate);
  return body_begun_ + limits.body_grace + std::chrono::duration_cast<Clock::duration>(earned);
}

void Connection::on_deadline() {
  const HttpLimits& limits = core_.options.limits;
  const auto now = Clock::now();
  switch (state_) {
    case State::kHead:
      if (!head_begun_) return close(Close::kQuiet);
      return refuse({408, fmt::format("the request head did not arrive within {} ms",
                                      limits.header_time.count())});
    case State::kBody:
      if (now < body_deadline()) return set_deadline(body_deadline());
      return refuse({408, fmt::format("the request body arrives at less than {} bytes per second",
                                      limits.body_bytes_per_s)});
    case State::kAnswering:
      note_progress();
      if (!output_.empty() && now - progress_ >= limits.stall_time) return close(Close::kSlow);
      if (!read_armed_ && !end_of_input_ && peer_has_closed(socket_.native_handle())) {
        on_end_of_input();
        if (state_ == State::kClosed) return;
      }
      if (!output_.empty()) set_deadline(progress_ + limits.stall_time);
      if (!read_armed_ && !end_of_input_) set_deadline(std::min(deadline_, now + kPollTime));
      return;
    case State::kLingering:
      return close(Close::kQuiet);
    case State::kClosed:
      return;
  }
}

}  // namespace monocle
