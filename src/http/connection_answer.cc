// SPDX-License-Identifier: Apache-2.0
// Answers become bytes: framing, writing, the end of an exchange.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "http/connection.h"

namespace monocle {
namespace {

namespace asio = boost::asio;
constexpr std::size_t kBuffersPerWrite = 16;
constexpr std::chrono::milliseconds kLingerTime{2'000};

}  // namespace

// The server's own answer, without an exchange.
void Connection::answer(HttpReply reply) {
  Outbox outbox;
  outbox.has_head = true;
  outbox.head = std::move(reply);
  set_deadline(Clock::time_point::max());
  parser_.reset();
  body_share_.reset();
  put_head(&outbox);
  answer_complete_ = true;
  flush();
}

void Connection::wake() {
  asio::post(io_.context, [self = shared_from_this()] { self->guarded([&] { self->on_wake(); }); });
}

void Connection::on_wake() {
  if (state_ != State::kAnswering || !exchange_ || answer_complete_) return;
  Outbox outbox = exchange_->take();
  if (end_of_input_ && exchange_->half_closed()) return close(Close::kGone);
  if (outbox.dropped && !answer_begun_ && !outbox.has_head) {
    end_exchange(false);
    return answer(core_.error_reply({500, "the request was let go without an answer"}));
  }
  if (outbox.has_head) put_head(&outbox);
  put_pieces(&outbox);
  if (outbox.dropped)
    keep_alive_ = false;  // and no end mark: the client must not take it for whole
  if (outbox.finished && chunked_) put("0\r\n\r\n", false);
  answer_complete_ = outbox.finished || outbox.dropped;
  flush();
}

void Connection::put_head(Outbox* outbox) {
  answer_begun_ = true;
  const bool with_body = !head_only_ && has_body(outbox->head.status);
  if (outbox->stream && http_1_0_)
    keep_alive_ = false;  // the end of the connection ends the answer
  if (core_.draining) keep_alive_ = false;
  AnswerHead head;
  head.status = outbox->head.status;
  head.keep_alive = keep_alive_;
  head.chunked = outbox->stream && !http_1_0_;
  if (!outbox->stream) head.length = outbox->head.body.size();
  body_wanted_ = with_body;
  chunked_ = head.chunked && with_body;
  put(format_head(head, outbox->head.headers), false);
  const std::size_t bytes = outbox->head.body.size();
  if (outbox->stream || bytes == 0) return;
  if (with_body) {
    put(std::move(outbox->head.body), exchange_ != nullptr);
  } else if (exchange_) {
    exchange_->sent(bytes);
  }
}

// All that came since the last time is one chunk.
void Connection::put_pieces(Outbox* outbox) {
  std::size_t total = 0;
  for (const std::string& piece : outbox->pieces) total += piece.size();
  if (total == 0) return;
  if (!body_wanted_) return exchange_->sent(total);
  if (chunked_) put(chunk_prefix(total), false);
  for (std::string& piece : outbox->pieces) put(std::move(piece), true);
  if (chunked_) put("\r\n", false);
}

void Connection::put(std::string bytes, bool counted) {
  output_.push_back({std::move(bytes), counted});
}

// Writes at once what the socket takes: a token costs no turn of the event loop of its own.
void Connection::flush() {
  if (write_armed_ || state_ == State::kClosed) return;
  progress_ = Clock::now();
  while (!output_.empty()) {
    Error error;
    const std::size_t bytes = write_some(&error);
    if (error == asio::error::would_block || error == asio::error::try_again) return arm_write();
    if (error) return close(Close::kGone);
    consume(bytes);
  }
  if (answer_complete_) end_answer();
}

std::size_t Connection::write_some(Error* error) {
  std::array<asio::const_buffer, kBuffersPerWrite> buffers;
  std::size_t skip = output_sent_;
  for (std::size_t i = 0; i < std::min(buffers.size(), output_.size()); ++i) {
    const std::string& bytes = output_[i].bytes;
    buffers[i] = asio::buffer(bytes.data() + skip, bytes.size() - skip);
    skip = 0;
  }
  return socket_.write_some(buffers, *error);
}

void Connection::arm_write() {
  write_armed_ = true;
  kernel_bytes_ = bytes_in_kernel();
  if (state_ == State::kAnswering) {
    set_deadline(std::min(deadline_, progress_ + core_.options.limits.stall_time));
  }
  socket_.async_wait(Socket::wait_write, [self = shared_from_this()](Error error) {
    self->write_armed_ = false;
    self->guarded([&] { error ? self->close(Close::kGone) : self->flush(); });
  });
}

int Connection::bytes_in_kernel() {
  int bytes = 0;
  return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

// The socket becomes writable only after the client has taken a good part of what the kernel holds;
// a slow line takes less than that in the time allowed, and is no stalled client.
void Connection::note_progress() {
  const int bytes = bytes_in_kernel();
  if (bytes < kernel_bytes_) progress_ = Clock::now();
  kernel_bytes_ = bytes;
}

void Connection::consume(std::size_t bytes) {
  std::size_t counted = 0;
  while (bytes > 0) {
    Segment& first = output_.front();
    const std::size_t taken = std::min(bytes, first.bytes.size() - output_sent_);
    if (first.counted) counted += taken;
    bytes -= taken;
    output_sent_ += taken;
    if (output_sent_ < first.bytes.size()) break;
    output_.pop_front();
    output_sent_ = 0;
  }
  if (counted > 0 && exchange_) exchange_->sent(counted);
}

void Connection::end_answer() {
  end_exchange(false);
  answer_complete_ = false;
  answer_begun_ = false;
  if (!keep_alive_ || core_.draining) return linger();
  begin_head(core_.options.limits.idle_time);
  if (input_.empty() && !end_of_input_) return arm_read();
  // Pipelined: in a turn of its own, so that a row of requests does not become a depth of calls.
  asio::post(io_.context, [self = shared_from_this()] {
    self->guarded([&] {
      if (self->state_ == State::kHead) self->process();
      self->arm_read();
    });
  });
}

void Connection::end_exchange(bool client_gone) {
  if (!exchange_) return;
  const auto exchange = std::exchange(exchange_, nullptr);
  exchange->detach(client_gone);
  core_.running.add(-1);
}

// Says that nothing more comes and reads on for a moment: closing while the client still sends
// would make its kernel throw away the answer.
void Connection::linger() {
  Error error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error || end_of_input_) return close(Close::kQuiet);
  state_ = State::kLingering;
  input_ = {};
  set_deadline(Clock::now() + kLingerTime);
  arm_read();
}

}  // namespace monocle
