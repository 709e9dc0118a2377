// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_loop.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/check.h"

namespace monocle {
namespace {

struct Command {
  enum class Kind : std::uint8_t { kSubmit, kCancel, kPause, kResume };
  Kind kind = Kind::kCancel;
  RequestId id = 0;
  std::unique_ptr<Sequence> sequence;  // kSubmit
  EventHandler handler;                // kSubmit
};

}  // namespace

// Two threads' worth of state: what `mutex` guards is shared, the rest belongs to the engine
// thread. The mutex is held to move commands and copy numbers, never during a step or a handler.
struct EngineLoop::Impl {
  explicit Impl(std::unique_ptr<Engine> owned)
      : engine(std::move(owned)),
        capacity(std::int64_t{engine->limits().queue} + engine->limits().sequences),
        snapshot(engine->stats()),
        thread([this] { run(); }) {}

  Result<RequestId> submit(Request request, EventHandler handler);
  void post(Command command);
  void stop(std::chrono::milliseconds grace);
  EngineStats stats();

  void run();
  bool take_commands(bool wait);
  void apply(Command& command);
  bool step();
  void publish();
  void dispatch();

  std::unique_ptr<Engine> engine;
  const std::int64_t capacity;
  std::atomic<std::int64_t> live{0};  // accepted, or being checked, and without a terminal event
  std::atomic<RequestId> next_id{1};

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Command> inbox;
  std::int64_t unseen = 0;  // submissions that `snapshot` does not count yet
  EngineStats snapshot;
  std::string failure;  // why no step can run any more
  bool stopping = false;
  Clock::time_point deadline;  // of the grace, once stopping

  std::vector<Command> taken;
  std::int64_t taken_submissions = 0;
  std::vector<TokenEvent> events;
  std::unordered_map<RequestId, EventHandler> handlers;
  bool failed = false;
  bool last_call = false;  // the grace is over

  std::mutex join_mutex;
  std::thread thread;  // last: it uses everything above
};

Result<RequestId> EngineLoop::Impl::submit(Request request, EventHandler handler) {
  if (live.fetch_add(1) >= capacity) {
    live.fetch_sub(1);
    return fail(ErrorCode::kQueueFull, "the queue is full: {} requests are running or waiting",
                capacity);
  }
  const RequestId id = next_id.fetch_add(1);
  Result<std::unique_ptr<Sequence>> sequence = engine->prepare(id, std::move(request));
  if (!sequence) {
    live.fetch_sub(1);
    return tl::unexpected<Error>(std::move(sequence).error());
  }
  {
    const std::lock_guard lock(mutex);
    if (stopping || !failure.empty()) {
      live.fetch_sub(1);
      return stopping ? fail(ErrorCode::kUnavailable, "the engine is shutting down")
                      : fail(ErrorCode::kUnavailable, "the engine has failed: {}", failure);
    }
    inbox.push_back({Command::Kind::kSubmit, id, std::move(*sequence), std::move(handler)});
    ++unseen;
  }
  wake.notify_one();
  return id;
}

void EngineLoop::Impl::post(Command command) {
  {
    const std::lock_guard lock(mutex);
    inbox.push_back(std::move(command));
  }
  wake.notify_one();
}

void EngineLoop::Impl::stop(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex);
    const Clock::time_point until = Clock::now() + grace;
    deadline = stopping ? std::min(deadline, until) : until;
    stopping = true;
  }
  wake.notify_one();
  const std::lock_guard lock(join_mutex);  // several callers may stop; one joins
  if (thread.joinable()) {
    thread.join();
  }
}

EngineStats EngineLoop::Impl::stats() {
  const std::lock_guard lock(mutex);
  EngineStats stats = snapshot;
  stats.waiting += unseen;
  stats.healthy = failure.empty();
  return stats;
}

void EngineLoop::Impl::run() {
  bool worked = true;
  while (take_commands(!worked)) {
    for (Command& command : taken) {
      apply(command);
    }
    taken.clear();
    if (last_call) {
      engine->cancel_all();
    }
    worked = step();
    publish();
    dispatch();
  }
}

// Moves what has arrived into `taken`; with `wait` sleeps until there is something to do. False:
// stopped, and nothing is left.
bool EngineLoop::Impl::take_commands(bool wait) {
  std::unique_lock lock(mutex);
  const auto something = [&] { return !inbox.empty() || stopping; };
  if (wait) {
    wake.wait(lock, something);
  }
  if (wait && stopping && inbox.empty() && !engine->idle()) {  // all that is left is paused
    wake.wait_until(lock, deadline, [&] { return !inbox.empty(); });
  }
  std::swap(taken, inbox);
  taken_submissions = unseen;
  last_call = stopping && Clock::now() >= deadline;
  return !(stopping && taken.empty() && engine->idle());
}

void EngineLoop::Impl::apply(Command& command) {
  switch (command.kind) {
    case Command::Kind::kSubmit: {
      handlers.emplace(command.id, std::move(command.handler));
      // `live` bounds what is in here, so the scheduler's own bound is never met.
      const Status queued = engine->enqueue(std::move(command.sequence));
      MONOCLE_CHECK(queued.has_value());
      return;
    }
    case Command::Kind::kCancel:
      return engine->cancel(command.id);
    case Command::Kind::kPause:
      return engine->pause(command.id, true);
    case Command::Kind::kResume:
      return engine->pause(command.id, false);
  }
}

// A backend reports a lost device by throwing; such an error stays, so no further step is tried.
bool EngineLoop::Impl::step() {
  std::string reason;
  if (!failed) {
    try {
      return engine->step(events);
    } catch (const std::exception& error) {
      reason = error.what();
    } catch (...) {
      reason = "unknown exception";
    }
    failed = true;
    const std::lock_guard lock(mutex);
    failure = reason.empty() ? "unknown exception" : reason;
  }
  engine->fail_all(failure, events);  // only this thread writes `failure`
  return !events.empty();
}

void EngineLoop::Impl::publish() {
  const EngineStats now = engine->stats();
  const std::lock_guard lock(mutex);
  snapshot = now;
  unseen -= std::exchange(taken_submissions, 0);
}

void EngineLoop::Impl::dispatch() {
  for (TokenEvent& event : events) {
    const auto entry = handlers.find(event.request);
    MONOCLE_CHECK(entry != handlers.end());
    if (event.finish == FinishReason::kNone) {
      entry->second(std::move(event));
      continue;
    }
    const EventHandler last = std::move(entry->second);
    handlers.erase(entry);
    live.fetch_sub(1);  // before the handler: whoever hears the end may submit again at once
    last(std::move(event));
  }
  events.clear();
}

EngineLoop::EngineLoop(std::unique_ptr<Engine> engine)
    : impl_(std::make_unique<Impl>(std::move(engine))) {}

EngineLoop::~EngineLoop() { stop(std::chrono::milliseconds(0)); }

Result<RequestId> EngineLoop::submit(Request request, EventHandler handler) {
  return impl_->submit(std::move(request), std::move(handler));
}

void EngineLoop::cancel(RequestId id) {
  impl_->post({Command::Kind::kCancel, id, nullptr, nullptr});
}

void EngineLoop::pause(RequestId id) { impl_->post({Command::Kind::kPause, id, nullptr, nullptr}); }

void EngineLoop::resume(RequestId id) {
  impl_->post({Command::Kind::kResume, id, nullptr, nullptr});
}

EngineStats EngineLoop::stats() const { return impl_->stats(); }

void EngineLoop::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

}  // namespace monocle
