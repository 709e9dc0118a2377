// SPDX-License-Identifier: Apache-2.0
// What the connections of one server share: options, counters, the queue to the workers, and the
// I/O threads with the lists that only they touch. Internal to this room.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <unordered_set>
#include <vector>

#include "http/exchange.h"
#include "http/head.h"
#include "http/server.h"

namespace monocle {

class Connection;

// Complete requests on their way to the handler. Bounded; any thread.
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t capacity) : capacity_(capacity) {}
  bool push(std::shared_ptr<HttpExchange::Impl> work);  // false: full
  std::shared_ptr<HttpExchange::Impl> pop();            // waits; null: closed
  void close();                                         // drops what waits

 private:
  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<HttpExchange::Impl>> queue_;
  bool closed_ = false;
};

// Connections per client address (per /64 for IPv6); loopback is not counted. Any thread.
class AddressCounts {
 public:
  explicit AddressCounts(int limit) : limit_(limit) {}
  bool enter(const boost::asio::ip::address& address);
  void leave(const boost::asio::ip::address& address);

 private:
  const int limit_;
  std::mutex mutex_;
  std::map<boost::asio::ip::address, int> counts_;
};

// Answers that are being made; stop() waits for none. Any thread.
class RunningCount {
 public:
  void add(int change);
  bool wait_for_none(std::chrono::milliseconds at_most);

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;
};

struct ServerCore {
  ServerCore(HttpOptions options_in, HttpHandler handler_in);

  [[nodiscard]] HttpReply error_reply(const HttpRefusal& refusal) const;

  const HttpOptions options;
  const HttpHandler handler;
  const std::int64_t connection_limit;  // what descriptors allow, at most HttpLimits::connections
  WorkQueue queue;
  AddressCounts addresses;
  RunningCount running;
  std::shared_ptr<std::atomic<std::size_t>> body_bytes;  // outlives the server with the exchanges
  std::atomic<bool> draining{false};
  std::atomic<std::int64_t> connections{0}, requests{0}, refused{0}, gone{0}, slow{0};
};

// One event loop; its connections live on it and are touched by its thread only.
struct IoThread {
  explicit IoThread(ServerCore& core_in);
  void run();

  ServerCore& core;
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::vector<char> scratch;                    // what one read takes
  std::unordered_set<Connection*> connections;  // all
  std::list<Connection*> waiting;               // without a complete head, the longest first
  std::thread thread;
};

}  // namespace monocle
