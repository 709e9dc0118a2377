// SPDX-License-Identifier: Apache-2.0
#include "service/reply_thread.h"

#include <algorithm>
#include <utility>

namespace monocle::service {

ReplyThread::ReplyThread(std::chrono::milliseconds ping_every)
    : ping_every_(ping_every), thread_([this] { run(); }) {}

ReplyThread::~ReplyThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void ReplyThread::post(std::shared_ptr<Reply> reply, std::int32_t index, TokenEvent&& event) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = posted_.empty();
    posted_.push_back({std::move(reply), index, std::move(event)});
  }
  // A thread that has something to do looks again by itself.
  if (first) {
    wake_.notify_one();
  }
}

void ReplyThread::watch(const std::shared_ptr<Reply>& reply) {
  const std::lock_guard lock(mutex_);
  watched_.push_back(reply);
}

void ReplyThread::run() {
  std::vector<Item> taken;
  auto next_ping = std::chrono::steady_clock::now() + ping_every_;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_until(lock, next_ping, [this] { return stop_ || !posted_.empty(); });
    taken.swap(posted_);
    const bool stopping = stop_;
    lock.unlock();
    for (Item& item : taken) {
      item.reply->on_event(item.index, std::move(item.event));
    }
    // A step's tokens go to all clients at once, not in turns of this thread and the I/O threads.
    for (const Item& item : taken) {
      item.reply->flush();
    }
    const bool idle = taken.empty();
    taken.clear();
    if (std::chrono::steady_clock::now() >= next_ping) {
      ping_all();
      next_ping = std::chrono::steady_clock::now() + ping_every_;
    }
    if (stopping && idle) {
      return;
    }
    lock.lock();
  }
}

void ReplyThread::ping_all() {
  std::vector<std::shared_ptr<Reply>> alive;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(watched_, [&](const std::weak_ptr<Reply>& watched) {
      auto reply = watched.lock();
      const bool gone = reply == nullptr;
      if (!gone) {
        alive.push_back(std::move(reply));
      }
      return gone;
    });
  }
  for (const auto& reply : alive) {
    reply->ping();
  }
}

}  // namespace monocle::service
