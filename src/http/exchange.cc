// SPDX-License-Identifier: Apache-2.0
#include "http/exchange.h"

#include <utility>

namespace monocle {

HttpExchange::Impl::Impl(HttpRequest request_in, std::shared_ptr<ExchangeSink> sink_in,
                         std::size_t high_bytes_in)
    : request(std::move(request_in)), high_bytes_(high_bytes_in), sink_(std::move(sink_in)) {
  half_close_allowed_ = request.method == "GET" || request.method == "HEAD";
}

void HttpExchange::Impl::wake_locked() {
  if (woken_ || !sink_) return;
  woken_ = true;
  sink_->wake();
}

void HttpExchange::Impl::reply(HttpReply reply) {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::kOpen) return;
  stage_ = Stage::kDone;
  if (!sink_) return;
  queued += reply.body.size();
  outbox_.has_head = true;
  outbox_.head = std::move(reply);
  outbox_.finished = true;
  wake_locked();
}

void HttpExchange::Impl::start(int status, std::vector<HttpHeader> headers) {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::kOpen) return;
  stage_ = Stage::kStreaming;
  if (!sink_) return;
  outbox_.has_head = true;
  outbox_.stream = true;
  outbox_.head = {status, std::move(headers), {}};
  wake_locked();
}

void HttpExchange::Impl::append(std::string bytes) {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::kStreaming || !sink_ || bytes.empty()) return;
  queued += bytes.size();
  outbox_.pieces.push_back(std::move(bytes));
}

void HttpExchange::Impl::flush() {
  const std::lock_guard lock(mutex_);
  if (!outbox_.pieces.empty()) wake_locked();
}

void HttpExchange::Impl::finish() {
  const std::lock_guard lock(mutex_);
  if (stage_ != Stage::kStreaming) return;
  stage_ = Stage::kDone;
  outbox_.finished = true;
  wake_locked();
}

void HttpExchange::Impl::drop() {
  const std::lock_guard lock(mutex_);
  if (stage_ == Stage::kDone) return;
  stage_ = Stage::kDone;
  outbox_.dropped = true;
  wake_locked();
}

void HttpExchange::Impl::handler_returned() {
  const std::lock_guard lock(mutex_);
  handled_ = true;
  if (half_closed_) wake_locked();
}

void HttpExchange::Impl::allow_half_close() {
  const std::lock_guard lock(mutex_);
  half_close_allowed_ = true;
}

bool HttpExchange::Impl::half_closed() {
  const std::lock_guard lock(mutex_);
  half_closed_ = true;
  if (stage_ == Stage::kDone) return false;  // the rest is on its way: a failing write will tell
  return stage_ == Stage::kStreaming || (handled_ && !half_close_allowed_);
}

void HttpExchange::Impl::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (sink_) {
      gone_callback_ = std::move(callback);
      return;
    }
  }
  if (gone) callback();
}

void HttpExchange::Impl::on_drained(std::function<void()> callback) {
  const std::lock_guard lock(mutex_);
  if (sink_) drained_callback_ = std::move(callback);
}

Outbox HttpExchange::Impl::take() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  if (queued > high_bytes_ / 2) above_ = true;
  return std::exchange(outbox_, {});
}

void HttpExchange::Impl::sent(std::size_t bytes) {
  const std::size_t left = queued.fetch_sub(bytes) - bytes;
  if (!above_ || left >= high_bytes_ / 2) return;
  above_ = false;
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    callback = drained_callback_;
  }
  if (callback) callback();
}

void HttpExchange::Impl::detach(bool client_gone) {
  std::shared_ptr<ExchangeSink> sink;
  std::function<void()> gone_callback;
  std::function<void()> drained_callback;
  Outbox outbox;  // callbacks and bytes are let go outside the lock
  {
    const std::lock_guard lock(mutex_);
    if (!sink_) return;
    gone = client_gone;
    queued = 0;
    sink = std::move(sink_);
    sink_ = nullptr;
    gone_callback = std::exchange(gone_callback_, nullptr);
    drained_callback = std::exchange(drained_callback_, nullptr);
    outbox = std::exchange(outbox_, {});
  }
  if (client_gone && gone_callback) gone_callback();
}

HttpExchange::HttpExchange(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpExchange::~HttpExchange() { impl_->drop(); }

const HttpRequest& HttpExchange::request() const { return impl_->request; }
void HttpExchange::reply(HttpReply reply) { impl_->reply(std::move(reply)); }
void HttpExchange::start(int status, std::vector<HttpHeader> headers) {
  impl_->start(status, std::move(headers));
}
void HttpExchange::write(std::string bytes) {
  impl_->append(std::move(bytes));
  impl_->flush();
}
void HttpExchange::append(std::string bytes) { impl_->append(std::move(bytes)); }
void HttpExchange::flush() { impl_->flush(); }
void HttpExchange::finish() { impl_->finish(); }
std::size_t HttpExchange::queued_bytes() const { return impl_->queued; }
bool HttpExchange::gone() const { return impl_->gone; }
void HttpExchange::allow_half_close() { impl_->allow_half_close(); }
void HttpExchange::on_gone(std::function<void()> callback) { impl_->on_gone(std::move(callback)); }
void HttpExchange::on_drained(std::function<void()> callback) {
  impl_->on_drained(std::move(callback));
}

}  // namespace monocle
