// SPDX-License-Identifier: Apache-2.0
// The server of this room's tests: a handler with one path per behaviour. Exchanges that a test
// wants to play with are kept in a list.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "http/server.h"
#include "http/test_client.h"

namespace monocle::test {

class TestServer {
 public:
  explicit TestServer(HttpOptions options = {}) {
    options.port = 0;
    auto server = HttpServer::start(std::move(options),
                                    [this](const std::shared_ptr<HttpExchange>& x) { handle(x); });
    server_ = std::move(server).value();
  }
  ~TestServer() { server_->stop(std::chrono::milliseconds(0)); }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] HttpStats stats() const { return server_->stats(); }
  [[nodiscard]] HttpServer& server() { return *server_; }

  // The next exchange of a request for /hold, which nobody answers; null after five seconds.
  std::shared_ptr<HttpExchange> held() {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, std::chrono::seconds(5), [this] { return !held_.empty(); }))
      return nullptr;
    auto exchange = std::move(held_.front());
    held_.erase(held_.begin());
    return exchange;
  }

 private:
  void handle(const std::shared_ptr<HttpExchange>& exchange) {
    const HttpRequest& request = exchange->request();
    if (request.path == "/drop") return;
    if (request.path == "/hold" || request.path == "/hold_plain") {
      if (request.path == "/hold_plain") exchange->allow_half_close();
      {
        const std::lock_guard lock(mutex_);
        held_.push_back(exchange);
      }
      arrived_.notify_all();
      return;
    }
    if (request.path == "/stream") {
      exchange->start(200, {{"Content-Type", "text/event-stream"}});
      exchange->write("one ");
      exchange->write("");
      exchange->write("two ");
      exchange->write("three");
      exchange->finish();
      return;
    }
    exchange->reply(
        {200, {}, request.method + " " + request.path + " " + request.query + " " + request.body});
  }

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::shared_ptr<HttpExchange>> held_;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace monocle::test
