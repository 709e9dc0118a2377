// SPDX-License-Identifier: Apache-2.0
// The thread on which replies are written, so that the engine thread only hands events over. Also
// sends keep-alive pings to streams that have nothing to say yet.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "monocle/event.h"

namespace monocle::service {

// One reply on its way, as the thread sees it.
class Reply {
 public:
  virtual ~Reply() = default;
  // What there is to say goes out with the next flush(), at the latest.
  virtual void on_event(std::int32_t index, TokenEvent&& event) = 0;
  virtual void flush() = 0;
  virtual void ping() = 0;
};

class ReplyThread {
 public:
  explicit ReplyThread(std::chrono::milliseconds ping_every);
  ~ReplyThread();  // delivers what was posted, then ends
  ReplyThread(const ReplyThread&) = delete;
  ReplyThread& operator=(const ReplyThread&) = delete;

  // Any thread. Events of one reply arrive in the order they were posted.
  void post(std::shared_ptr<Reply> reply, std::int32_t index, TokenEvent&& event);
  // From now on this reply is pinged, as long as it lives.
  void watch(const std::shared_ptr<Reply>& reply);

 private:
  struct Item {
    std::shared_ptr<Reply> reply;
    std::int32_t index;
    TokenEvent event;
  };
  void run();
  void ping_all();

  std::chrono::milliseconds ping_every_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Item> posted_;
  std::vector<std::weak_ptr<Reply>> watched_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace monocle::service
