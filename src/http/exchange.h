// SPDX-License-Identifier: Apache-2.0
// The state that an exchange's user (any thread) and its connection (one I/O thread) share. The
// user's side appends to an outbox and wakes the connection; the connection takes the outbox.
// Whoever is first to end it cuts the link, so that an exchange may outlive its connection and its
// server.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "http/server.h"

namespace monocle {

// The connection as the exchange sees it.
class ExchangeSink {
 public:
  virtual ~ExchangeSink() = default;
  virtual void wake() = 0;  // any thread; comes back to take() on the I/O thread
};

// What the user wrote since the last take.
struct Outbox {
  bool has_head = false;
  bool stream = false;
  HttpReply head;                   // with the body of a plain reply
  std::vector<std::string> pieces;  // of a stream
  bool finished = false;
  bool dropped = false;  // the user let go of the exchange before the end
};

struct HttpExchange::Impl {
  // `high_bytes` is HttpLimits::send_bytes.
  Impl(HttpRequest request_in, std::shared_ptr<ExchangeSink> sink_in, std::size_t high_bytes_in);

  // The user's side, any thread.
  void reply(HttpReply reply);
  void start(int status, std::vector<HttpHeader> headers);
  void append(std::string bytes);
  void flush();
  void finish();
  void drop();
  void handler_returned();
  void on_gone(std::function<void()> callback);
  void on_drained(std::function<void()> callback);

  // The connection's side, I/O thread.
  Outbox take();
  void sent(std::size_t bytes);
  // The client closed its sending side. True: that means that it has left. False: not (yet); asked
  // again after each wake.
  bool half_closed();
  void detach(bool client_gone);

  const HttpRequest request;
  std::shared_ptr<void> held;  // given back with the request: its share of the memory for bodies
  std::atomic<std::size_t> queued{0};
  std::atomic<bool> gone{false};

  void allow_half_close();

 private:
  enum class Stage { kOpen, kStreaming, kDone };
  void wake_locked();

  const std::size_t high_bytes_;
  std::mutex mutex_;
  std::shared_ptr<ExchangeSink> sink_;  // null once detached
  Stage stage_ = Stage::kOpen;
  Outbox outbox_;
  bool woken_ = false;
  bool handled_ = false;  // the handler had its chance to call allow_half_close()
  bool half_close_allowed_ = false;
  bool half_closed_ = false;
  bool above_ = false;  // I/O thread: the queue has been above half since the last drained call
  std::function<void()> gone_callback_;
  std::function<void()> drained_callback_;
};

}  // namespace monocle
