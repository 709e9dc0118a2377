// SPDX-License-Identifier: Apache-2.0
// The server of this room's tests: a handler with one path per behaviour. Exchanges that a test
// wants to play with are kept in a list.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
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
  ~TestServer() {
    unblock();
    server_->stop(std::chrono::milliseconds(0));
  }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] HttpStats stats() const { return server_->stats(); }
  [[nodiscard]] HttpServer& server() { return *server_; }

  // The next exchange of a request for /hold, which nobody answers; null after five seconds.
  std::shared_ptr<HttpExchange> held() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(5), [this] { return !held_.empty(); })) {
      return nullptr;
    }
    auto exchange = std::move(held_.front());
    held_.erase(held_.begin());
    return exchange;
  }

  // Handlers of /block wait from then until unblock().
  void wait_for_blocked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return blocked_ > 0; });
  }
  void unblock() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  void handle(const std::shared_ptr<HttpExchange>& exchange) {
    const HttpRequest& request = exchange->request();
    if (request.path == "/drop") return;
    if (request.path == "/throw") throw std::runtime_error("a handler's mistake");
    if (request.path.starts_with("/hold")) return hold(exchange);
    if (request.path == "/block") {
      std::unique_lock lock(mutex_);
      ++blocked_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return open_; });
    }
    if (request.path.find("stream") != std::string::npos) return stream(*exchange);
    exchange->reply(
        {200, {}, request.method + " " + request.path + " " + request.query + " " + request.body});
  }

  void hold(const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/hold_plain") exchange->allow_half_close();
    const std::lock_guard lock(mutex_);
    held_.push_back(exchange);
    changed_.notify_all();
  }

  static void stream(HttpExchange& exchange) {
    exchange.start(200, {{"Content-Type", "text/event-stream"}});
    if (exchange.request().path == "/drop_stream") return exchange.write("half");
    exchange.write("one ");
    exchange.write("");
    exchange.write("two ");
    exchange.write("three");
    exchange.finish();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<HttpExchange>> held_;
  int blocked_ = 0;
  bool open_ = false;
  std::unique_ptr<HttpServer> server_;
};

}  // namespace monocle::test
