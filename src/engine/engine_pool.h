// SPDX-License-Identifier: Apache-2.0
// Several engines behind one queue: one per device, each with its own copy of the model. A request
// goes where most of it is cached, unless that engine has clearly more to do than another; it stays
// there to its end. An engine whose device fails is taken out; requests of which nothing was
// answered yet move to the others, the rest end with the device's error. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "engine/engine_loop.h"
#include "engine/route_index.h"

namespace monocle {

struct EngineLoad {
  bool usable = true;
  std::int64_t live = 0;          // requests that run or wait
  std::int64_t known_tokens = 0;  // of the request at hand
};
// The engine for a request, -1 if none is usable. Engines that are alike take turns.
std::int32_t choose_engine(std::span<const EngineLoad> engines, std::uint64_t turn);

class EnginePool {
 public:
  struct Member {
    std::string name;  // of the device: "cuda:0"
    std::unique_ptr<Engine> engine;
  };
  // At least one member, at most kMaxRoutes, with equal limits. Models and backends must outlive
  // the pool.
  explicit EnginePool(std::vector<Member> members);
  ~EnginePool();  // stop(0)
  EnginePool(const EnginePool&) = delete;
  EnginePool& operator=(const EnginePool&) = delete;

  // As those of EngineLoop. The handler may be called on another thread after its request moved,
  // never on two at once.
  Result<RequestId> submit(Request request, EventHandler handler);
  void cancel(RequestId id);
  void pause(RequestId id);
  void resume(RequestId id);

  // The sum over all devices; `healthy` while one of them works.
  [[nodiscard]] EngineStats stats() const;
  struct DeviceStats {
    std::string name;
    EngineStats stats;
    std::string failure;  // empty while it works
  };
  [[nodiscard]] std::vector<DeviceStats> devices() const;
  // Requests that went on elsewhere after their device failed.
  [[nodiscard]] std::int64_t moved() const;

  void stop(std::chrono::milliseconds grace);

 private:
  struct Worker {
    std::string name;
    std::unique_ptr<EngineLoop> loop;
    std::string failure;
    bool moving = true;                       // a request of its may still move to another
    std::unordered_set<RequestId> cancelled;  // between its failure and the move
  };
  Status place(RequestId id, Request& request, EventHandler& handler);
  void broadcast_cancel(RequestId id);
  void take_over(std::size_t from, const std::string& failure, std::vector<LostRequest>& lost);

  // Guards everything but the workers' loops, which are safe by themselves. Never held while an
  // engine steps or a handler runs.
  mutable std::mutex mutex_;
  std::vector<Worker> workers_;
  RouteIndex routes_;
  RequestId next_id_ = 1;
  std::uint64_t turn_ = 0;
  std::int64_t moved_ = 0;
};

}  // namespace monocle
