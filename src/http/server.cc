// SPDX-License-Identifier: Apache-2.0
// Threads and shutdown of a server.
#include "http/server.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/thread_priority.h"
#include "http/connection.h"
#include "http/core.h"
#include "http/listener.h"

namespace monocle {
namespace {

void work(ServerCore& core) {
  lower_thread_priority(core.options.worker_niceness);
  while (auto impl = core.queue.pop()) {
    if (impl->gone) continue;
    try {
      core.handler(std::make_shared<HttpExchange>(impl));
    } catch (const std::exception&) {
      // Out of memory, in practice. The exchange was let go, so that its client is told.
    }
    impl->handler_returned();
  }
}

}  // namespace

struct HttpServer::Impl {
  Impl(HttpOptions options, HttpHandler handler) : core(std::move(options), std::move(handler)) {
    const int count = std::max(core.options.io_threads, 1);
    for (int i = 0; i < count; ++i) io.push_back(std::make_unique<IoThread>(core));
    listener = std::make_unique<Listener>(core, io);
  }

  void run() {
    listener->accept_next();
    for (const auto& thread : io) thread->run();
    const int count = std::max(core.options.worker_threads, 1);
    for (int i = 0; i < count; ++i) workers.emplace_back([this] { work(core); });
  }

  // On every I/O thread, for each of its connections.
  void for_each_connection(void (*what)(Connection&)) {
    for (const auto& thread : io) {
      IoThread* const one = thread.get();
      boost::asio::post(one->context, [one, what] {
        const std::vector<Connection*> all(one->connections.begin(), one->connections.end());
        for (Connection* connection : all) what(*connection);
      });
    }
  }

  void stop(std::chrono::milliseconds grace) {
    const std::lock_guard lock(stopping);
    if (stopped) return;
    stopped = true;
    core.draining = true;
    boost::asio::post(io.front()->context, [this] { listener->close(); });
    for_each_connection([](Connection& connection) { connection.drain(); });
    core.running.wait_for_none(grace);
    for_each_connection([](Connection& connection) { connection.close(Connection::Close::kGone); });
    core.queue.close();
    for (std::thread& worker : workers) worker.join();
    for (const auto& thread : io) thread->work.reset();
    for (const auto& thread : io) thread->thread.join();
  }

  ServerCore core;
  std::vector<std::unique_ptr<IoThread>> io;
  std::unique_ptr<Listener> listener;  // on io.front()
  std::vector<std::thread> workers;
  std::mutex stopping;
  bool stopped = false;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, HttpHandler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  if (Status opened = impl->listener->open(); !opened) {
    impl->stopped = true;  // there are no threads to join
    return tl::unexpected<Error>(std::move(opened).error());
  }
  impl->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->listener->port(); }

HttpStats HttpServer::stats() const {
  const ServerCore& core = impl_->core;
  return {core.connections, core.requests, core.refused, core.gone, core.slow};
}

void HttpServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

}  // namespace monocle
