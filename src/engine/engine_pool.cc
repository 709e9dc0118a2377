// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace monocle {
namespace {

// Requests that an engine may have ahead of the least busy one and still get those whose prefix it
// holds: waiting behind a few is cheaper than computing a prompt again, waiting behind many is not.
constexpr std::int64_t kSlack = 4;
constexpr std::size_t kRememberedChunks = std::size_t{1} << 16;

}  // namespace

std::int32_t choose_engine(std::span<const EngineLoad> engines, std::uint64_t turn) {
  std::int64_t least = -1;
  for (const EngineLoad& engine : engines) {
    if (engine.usable && (least < 0 || engine.live < least)) {
      least = engine.live;
    }
  }
  std::int32_t best = -1;
  for (std::size_t i = 0; i < engines.size(); ++i) {
    const std::size_t at = (i + turn) % engines.size();
    const EngineLoad& engine = engines[at];
    if (!engine.usable || engine.live > least + std::max(kSlack, least / 4)) {
      continue;
    }
    const EngineLoad* leader = best < 0 ? nullptr : &engines[static_cast<std::size_t>(best)];
    if (leader == nullptr || engine.known_tokens > leader->known_tokens ||
        (engine.known_tokens == leader->known_tokens && engine.live < leader->live)) {
      best = static_cast<std::int32_t>(at);
    }
  }
  return best;
}

EnginePool::EnginePool(std::vector<Member> members) : routes_(kRememberedChunks) {
  MONOCLE_CHECK(!members.empty() && std::ssize(members) <= kMaxRoutes);
  const std::lock_guard lock(mutex_);  // a loop may fail before all of them are there
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto on_lost = [this, i](const std::string& failure, std::vector<LostRequest>& lost) {
      take_over(i, failure, lost);
    };
    workers_.push_back(
        {std::move(members[i].name),
         std::make_unique<EngineLoop>(std::move(members[i].engine), std::move(on_lost)),
         {},
         true,
         {}});
  }
}

EnginePool::~EnginePool() { stop(std::chrono::milliseconds(0)); }

Result<RequestId> EnginePool::submit(Request request, EventHandler handler) {
  RequestId id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_id_++;
  }
  MONOCLE_TRY(place(id, request, handler));
  return id;
}

// A loop that fails between the choice and the call refuses with kUnavailable and leaves the
// request as it was; the next round sees it.
Status EnginePool::place(RequestId id, Request& request, EventHandler& handler) {
  const RouteKey key = workers_.size() > 1 ? route_key(request) : RouteKey{};
  std::vector<EngineLoad> loads(workers_.size());
  std::vector<std::int64_t> known(workers_.size());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    loads[i].live = workers_[i].loop->live();
  }
  while (true) {
    std::int32_t chosen = -1;
    {
      const std::lock_guard lock(mutex_);
      routes_.known_tokens(key, known);
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        loads[i].usable = loads[i].usable && workers_[i].failure.empty();
        loads[i].known_tokens = known[i];
      }
      chosen = choose_engine(loads, turn_++);
    }
    const auto index = static_cast<std::size_t>(std::max(chosen, 0));
    const Status placed = workers_[index].loop->submit(id, request, handler);
    if (placed) {
      const std::lock_guard lock(mutex_);
      routes_.record(key, static_cast<std::int32_t>(index));
      return {};
    }
    const ErrorCode code = placed.error().code;
    const bool elsewhere = code == ErrorCode::kUnavailable || code == ErrorCode::kQueueFull;
    if (chosen < 0 || !elsewhere || workers_.size() == 1) {
      return placed;
    }
    loads[index].usable = false;
  }
}

// On the failed engine's thread, which looks at no cancel any more.
void EnginePool::take_over(std::size_t from, const std::string& failure,
                           std::vector<LostRequest>& lost) {
  {
    const std::lock_guard lock(mutex_);
    workers_[from].failure = failure;
    routes_.forget(static_cast<std::int32_t>(from));
  }
  std::vector<LostRequest> kept;
  for (LostRequest& request : lost) {
    const bool placed =
        workers_.size() > 1 && place(request.id, request.request, request.handler).has_value();
    if (!placed) {
      kept.push_back(std::move(request));
      continue;
    }
    const std::lock_guard lock(mutex_);
    ++moved_;
    if (workers_[from].cancelled.erase(request.id) > 0) {
      broadcast_cancel(request.id);
    }
  }
  lost = std::move(kept);
  const std::lock_guard lock(mutex_);
  workers_[from].moving = false;
  workers_[from].cancelled.clear();
}

void EnginePool::cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  broadcast_cancel(id);
}

// Ids are unknown to all engines but one, which ignore them.
void EnginePool::broadcast_cancel(RequestId id) {
  for (Worker& worker : workers_) {
    if (!worker.loop->cancel(id) && worker.moving) {
      worker.cancelled.insert(id);
    }
  }
}

void EnginePool::pause(RequestId id) {
  for (Worker& worker : workers_) {
    worker.loop->pause(id);
  }
}

void EnginePool::resume(RequestId id) {
  for (Worker& worker : workers_) {
    worker.loop->resume(id);
  }
}

EngineStats EnginePool::stats() const {
  EngineStats sum;
  sum.healthy = false;
  for (const Worker& worker : workers_) {
    sum += worker.loop->stats();
  }
  return sum;
}

std::vector<EnginePool::DeviceStats> EnginePool::devices() const {
  const std::lock_guard lock(mutex_);
  std::vector<DeviceStats> out;
  for (const Worker& worker : workers_) {
    out.push_back({worker.name, worker.loop->stats(), worker.failure});
  }
  return out;
}

std::int64_t EnginePool::moved() const {
  const std::lock_guard lock(mutex_);
  return moved_;
}

void EnginePool::stop(std::chrono::milliseconds grace) {
  for (Worker& worker : workers_) {
    worker.loop->begin_stop(grace);
  }
  for (Worker& worker : workers_) {
    worker.loop->stop(grace);
  }
}

}  // namespace monocle
