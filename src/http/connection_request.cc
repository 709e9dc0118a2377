// SPDX-License-Identifier: Apache-2.0
// Bytes become requests: head, checks and hooks, body, dispatch.
#include <algorithm>
#include <utility>

#include "http/connection.h"

namespace monocle {
namespace {

constexpr std::size_t kDefaultBodyBytes = std::size_t{1} << 20;
// What a chunked body may cost on the wire per byte of content: "1\r\nx\r\n" is 6.
constexpr std::size_t kWirePerByte = 8;
constexpr std::size_t kWireSlack = std::size_t{64} << 10;

// A line that the parser would wait for the end of for ever.
bool holds_bare_line_feed(std::string_view bytes) {
  for (std::size_t at = bytes.find('\n'); at != std::string_view::npos;
       at = bytes.find('\n', at + 1)) {
    if (at == 0 || bytes[at - 1] != '\r') return true;
  }
  return false;
}

}  // namespace

void Connection::process() {
  if (state_ == State::kHead) read_head();
  if (state_ == State::kBody) read_body();
}

void Connection::read_head() {
  // Blank lines before a request are left-overs of old clients.
  std::size_t blank = 0;
  while (std::string_view(input_).substr(blank, 2) == "\r\n") blank += 2;
  if (blank > 0) {
    input_.erase(0, blank);
    scanned_ = 0;
  }
  if (!head_begun_ && (blank > 0 || !input_.empty())) {
    head_begun_ = true;
    begun_ = Clock::now();
    set_deadline(std::min(deadline_, begun_ + core_.options.limits.header_time));
  }
  const std::size_t length = head_length(input_, scanned_);
  if (length > 0) {
    if (take_head(length)) route();
    return;
  }
  scanned_ = input_.size();
  if (HttpVerdict verdict = check_partial_head(input_, core_.options.limits))
    return refuse(*verdict);
  if (end_of_input_) close(Close::kQuiet);
}

// False: refused.
bool Connection::take_head(std::size_t length) {
  const std::string_view head = std::string_view(input_).substr(0, length);
  HttpVerdict verdict = check_head_bytes(head, core_.options.limits);
  if (!verdict) {
    parser_ = std::make_unique<RequestParser>();
    verdict = parser_->head(head, &request_);
  }
  if (verdict) {
    refuse(*verdict);
    return false;
  }
  input_.erase(0, length);
  request_.remote = address_.to_string();
  http_1_0_ = parser_->version() < 11;
  head_only_ = request_.method == "HEAD";
  keep_alive_ = parser_->keep_alive() && !core_.draining;
  ++core_.requests;
  return true;
}

// What is answered without reading the body, in the order in which a client may know of it.
void Connection::route() {
  const HttpOptions& options = core_.options;
  if (options.immediate) {
    if (auto reply = options.immediate(request_)) return turn_away(std::move(*reply));
  }
  if (options.precheck) {
    if (auto reply = options.precheck(request_)) {
      ++core_.refused;
      return turn_away(std::move(*reply));
    }
  }
  if (!parser_->needs_body()) return dispatch();
  const std::string_view encoding = request_.header("content-encoding");
  if (!encoding.empty() && !equals_ignoring_case(encoding, "identity")) {
    return refuse({415, "a request body must not have a Content-Encoding"});
  }
  expect_body();
}

void Connection::expect_body() {
  body_limit_ = core_.options.body_limit ? core_.options.body_limit(request_) : kDefaultBodyBytes;
  const auto length = parser_->content_length();
  if (length && *length > body_limit_) {
    return refuse(
        {413, fmt::format("the request body has {} bytes, the limit is {}", *length, body_limit_)});
  }
  const std::string_view expect = request_.header("expect");
  if (!expect.empty() && !http_1_0_) {
    if (!equals_ignoring_case(expect, "100-continue")) {
      return refuse({417, "the only expectation that this server meets is 100-continue"});
    }
    if (input_.empty()) put("HTTP/1.1 100 Continue\r\n\r\n", false);
  }
  parser_->limit_body(body_limit_);
  leave_waiting();
  state_ = State::kBody;
  body_begun_ = Clock::now();
  body_wire_bytes_ = 0;
  // The share belongs to the exchange later on, which may outlive this connection and the server.
  body_share_ = std::shared_ptr<std::size_t>(new std::size_t(0),
                                             [total = core_.body_bytes](const std::size_t* share) {
                                               *total -= *share;
                                               delete share;
                                             });
  set_deadline(body_deadline());
  flush();
}

void Connection::read_body() {
  std::size_t consumed = 0;
  const std::size_t before = request_.body.size();
  HttpVerdict verdict = parser_->body(input_, &request_.body, &consumed);
  input_.erase(0, consumed);
  body_wire_bytes_ += consumed;
  const std::size_t grown = request_.body.size() - before;
  *body_share_ += grown;
  const std::size_t total = core_.body_bytes->fetch_add(grown) + grown;
  if (verdict) return refuse(*verdict);
  if (total > core_.options.limits.body_memory_bytes) {
    return refuse({503, "the server holds as many request bodies as it can"});
  }
  if (parser_->complete()) return dispatch();
  // The parser leaves only the beginning of a chunk's head or of the trailer.
  if (holds_bare_line_feed(input_) || input_.size() > core_.options.limits.header_bytes ||
      body_wire_bytes_ > kWirePerByte * body_limit_ + kWireSlack) {
    return refuse({400, "the chunks of the request body are malformed"});
  }
  if (end_of_input_) close(Close::kGone);
}

void Connection::dispatch() {
  leave_waiting();
  state_ = State::kAnswering;
  set_deadline(Clock::time_point::max());
  request_.upload_ms = std::chrono::duration<double, std::milli>(Clock::now() - begun_).count();
  parser_.reset();
  exchange_ = std::make_shared<HttpExchange::Impl>(std::move(request_), shared_from_this(),
                                                   core_.options.limits.send_bytes);
  exchange_->held = std::move(body_share_);
  core_.running.add(1);
  if (core_.queue.push(exchange_)) return;
  end_exchange(false);
  ++core_.refused;
  answer(core_.error_reply({503, "the server has as many requests as it can hold"}));
}

// Ends the connection with an answer of the server's own.
void Connection::refuse(const HttpRefusal& refusal) {
  ++core_.refused;
  keep_alive_ = false;
  leave_waiting();
  state_ = State::kAnswering;
  answer(core_.error_reply(refusal));
}

// Answers without having read the body: when there is one, the next request cannot be found.
void Connection::turn_away(HttpReply reply) {
  if (parser_->needs_body()) keep_alive_ = false;
  leave_waiting();
  state_ = State::kAnswering;
  answer(std::move(reply));
}

}  // namespace monocle
