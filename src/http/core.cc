// SPDX-License-Identifier: Apache-2.0
#include "http/core.h"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <system_error>
#include <utility>

namespace monocle {
namespace {

constexpr std::size_t kScratchBytes = std::size_t{64} << 10;

std::int64_t open_descriptors() {
  std::error_code error;
  std::int64_t count = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    ++count;
  }
  return count;
}

// The connections that the limit leaves room for, beside what is open already and a reserve.
std::int64_t connection_limit(const HttpLimits& limits) {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return limits.connections;
  const double usable = static_cast<double>(descriptors.rlim_cur) * limits.descriptor_share;
  const double left = std::max(0.0, usable - static_cast<double>(open_descriptors()));
  return static_cast<std::int64_t>(std::min<double>(limits.connections, left));
}

// One customer has a whole /64 of IPv6.
boost::asio::ip::address counted_part(const boost::asio::ip::address& address) {
  if (!address.is_v6()) return address;
  auto bytes = address.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return boost::asio::ip::address_v6(bytes);
}

}  // namespace

bool WorkQueue::push(std::shared_ptr<HttpExchange::Impl> work) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || queue_.size() >= capacity_) return false;
    queue_.push_back(std::move(work));
  }
  changed_.notify_one();
  return true;
}

std::shared_ptr<HttpExchange::Impl> WorkQueue::pop() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
  if (closed_) return nullptr;
  auto work = std::move(queue_.front());
  queue_.pop_front();
  return work;
}

void WorkQueue::close() {
  std::deque<std::shared_ptr<HttpExchange::Impl>> dropped;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(queue_);
  }
  changed_.notify_all();
}

bool AddressCounts::enter(const boost::asio::ip::address& address) {
  if (address.is_loopback()) return true;
  const std::lock_guard lock(mutex_);
  int& count = counts_[counted_part(address)];
  if (count >= limit_) return false;
  ++count;
  return true;
}

void AddressCounts::leave(const boost::asio::ip::address& address) {
  if (address.is_loopback()) return;
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(counted_part(address));
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

void RunningCount::add(int change) {
  const std::lock_guard lock(mutex_);
  count_ += change;
  if (count_ == 0) none_.notify_all();
}

bool RunningCount::wait_for_none(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return none_.wait_for(lock, at_most, [this] { return count_ == 0; });
}

ServerCore::ServerCore(HttpOptions options_in, HttpHandler handler_in)
    : options(std::move(options_in)),
      handler(std::move(handler_in)),
      connection_limit(monocle::connection_limit(options.limits)),
      queue(options.limits.waiting_requests),
      addresses(options.limits.connections_per_address),
      body_bytes(std::make_shared<std::atomic<std::size_t>>(0)) {}

HttpReply ServerCore::error_reply(const HttpRefusal& refusal) const {
  HttpReply reply;
  if (options.render_error) {
    reply = options.render_error(refusal.status, refusal.message);
  } else {
    reply = {
        refusal.status, {{"Content-Type", "text/plain; charset=utf-8"}}, refusal.message + "\n"};
  }
  const bool says_when = std::any_of(
      reply.headers.begin(), reply.headers.end(),
      [](const HttpHeader& header) { return equals_ignoring_case(header.name, "retry-after"); });
  if (refusal.status == 503 && !says_when) reply.headers.push_back({"Retry-After", "1"});
  return reply;
}

IoThread::IoThread(ServerCore& core_in)
    : core(core_in), work(boost::asio::make_work_guard(context)), scratch(kScratchBytes) {
  // A loop's own descriptors are taken now and not with its first connection, when none may be
  // left.
  const boost::asio::steady_timer first(context);
}

void IoThread::run() {
  thread = std::thread([this] { context.run(); });
}

}  // namespace monocle
