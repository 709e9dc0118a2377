// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_loop.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
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

// A place among the live requests, given back unless the engine takes the request; also when memory
// runs out on the way.
struct Place {
  std::atomic<std::int64_t>& live;
  bool taken = false;
  ~Place() {
    if (!taken) {
      live.fetch_sub(1);
    }
  }
};

}  // namespace

// Two threads' worth of state: what `mutex` guards is shared, the rest belongs to the engine
// thread. The mutex is held to move commands and copy numbers, never during a step or a handler.
struct EngineLoop::Impl {
  Impl(std::unique_ptr<Engine> owned, LostHandler lost)
      : engine(std::move(owned)),
        on_lost(std::move(lost)),
        capacity(std::int64_t{engine->limits().queue} + engine->limits().sequences),
        snapshot(engine->stats()),
        thread([this] { run(); }) {}

  Status submit(RequestId id, Request& request, EventHandler& handler);
  Status refusal();
  bool post(Command command);
  void begin_stop(std::chrono::milliseconds grace);
  void join();
  EngineStats stats();

  void run();
  bool take_commands(bool wait);
  void apply_taken();
  void apply(Command& command);
  bool step();
  void give_up(const std::string& reason);
  void hand_over();
  void publish();
  void dispatch();

  std::unique_ptr<Engine> engine;
  const LostHandler on_lost;
  const std::int64_t capacity;
  std::atomic<std::int64_t> live{0};  // accepted, or being checked, and without a terminal event
  std::atomic<RequestId> next_id{1};

  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Command> inbox;
  std::int64_t unseen = 0;  // submissions that `snapshot` does not count yet
  EngineStats snapshot;
  std::string failure;  // why no step can run any more; then nothing enters the inbox
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

// With the mutex held: why no request is taken any more.
Status EngineLoop::Impl::refusal() {
  if (stopping) {
    return fail(ErrorCode::kUnavailable, "the engine is shutting down");
  }
  if (!failure.empty()) {
    return fail(ErrorCode::kUnavailable, "the engine has failed: {}", failure);
  }
  return {};
}

Status EngineLoop::Impl::submit(RequestId id, Request& request, EventHandler& handler) {
  {
    const std::lock_guard lock(mutex);
    MONOCLE_TRY(refusal());
  }
  Place place{live};
  if (live.fetch_add(1) >= capacity) {
    return fail(ErrorCode::kQueueFull, "the queue is full: {} requests are running or waiting",
                capacity);
  }
  Result<std::unique_ptr<Sequence>> sequence = engine->prepare(id, std::move(request));
  if (!sequence) {
    return tl::unexpected<Error>(std::move(sequence).error());
  }
  {
    const std::lock_guard lock(mutex);
    if (Status refused = refusal(); !refused) {
      request = std::move((*sequence)->request);
      return refused;
    }
    inbox.push_back({Command::Kind::kSubmit, id, std::move(*sequence), std::move(handler)});
    ++unseen;
    place.taken = true;
  }
  wake.notify_one();
  return {};
}

bool EngineLoop::Impl::post(Command command) {
  {
    const std::lock_guard lock(mutex);
    if (!failure.empty()) {
      return false;
    }
    inbox.push_back(std::move(command));
  }
  wake.notify_one();
  return true;
}

void EngineLoop::Impl::begin_stop(std::chrono::milliseconds grace) {
  {
    const std::lock_guard lock(mutex);
    const Clock::time_point until = Clock::now() + grace;
    deadline = stopping ? std::min(deadline, until) : until;
    stopping = true;
  }
  wake.notify_one();
}

void EngineLoop::Impl::join() {
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
    apply_taken();
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

void EngineLoop::Impl::apply_taken() {
  for (Command& command : taken) {
    apply(command);
  }
  taken.clear();
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
  if (failed) {
    return false;  // everything has ended, and nothing enters any more
  }
  try {
    return engine->step(events);
  } catch (const std::exception& error) {
    give_up(error.what());
  } catch (...) {
    give_up("");
  }
  return true;
}

// Takes the rest of the inbox, so that whatever was cancelled by now is not handed over.
void EngineLoop::Impl::give_up(const std::string& reason) {
  failed = true;
  {
    const std::lock_guard lock(mutex);
    failure = reason.empty() ? "unknown exception" : reason;
    std::swap(taken, inbox);
    taken_submissions = unseen;
  }
  apply_taken();
  if (on_lost) {
    hand_over();
  }
  engine->fail_all(failure, events);  // only this thread writes `failure`
}

// What nobody takes goes back into the engine, to end there like the rest.
void EngineLoop::Impl::hand_over() {
  std::vector<LostRequest> lost;
  for (std::unique_ptr<Sequence>& sequence : engine->take_unanswered()) {
    const auto entry = handlers.find(sequence->id);
    MONOCLE_CHECK(entry != handlers.end());
    lost.push_back({sequence->id, std::move(sequence->request), std::move(entry->second)});
    handlers.erase(entry);
  }
  const std::size_t before = lost.size();
  on_lost(failure, lost);
  live.fetch_sub(static_cast<std::int64_t>(before - lost.size()));
  for (LostRequest& request : lost) {
    handlers.emplace(request.id, std::move(request.handler));
    Result<std::unique_ptr<Sequence>> sequence =
        engine->prepare(request.id, std::move(request.request));
    MONOCLE_CHECK(sequence.has_value() && engine->enqueue(std::move(*sequence)).has_value());
  }
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
    : EngineLoop(std::move(engine), LostHandler()) {}

EngineLoop::EngineLoop(std::unique_ptr<Engine> engine, LostHandler on_lost)
    : impl_(std::make_unique<Impl>(std::move(engine), std::move(on_lost))) {}

EngineLoop::~EngineLoop() { stop(std::chrono::milliseconds(0)); }

Result<RequestId> EngineLoop::submit(Request request, EventHandler handler) {
  const RequestId id = impl_->next_id.fetch_add(1);
  MONOCLE_TRY(impl_->submit(id, request, handler));
  return id;
}

Status EngineLoop::submit(RequestId id, Request& request, EventHandler& handler) {
  return impl_->submit(id, request, handler);
}

bool EngineLoop::cancel(RequestId id) {
  return impl_->post({Command::Kind::kCancel, id, nullptr, nullptr});
}

void EngineLoop::pause(RequestId id) { impl_->post({Command::Kind::kPause, id, nullptr, nullptr}); }

void EngineLoop::resume(RequestId id) {
  impl_->post({Command::Kind::kResume, id, nullptr, nullptr});
}

EngineStats EngineLoop::stats() const { return impl_->stats(); }

std::int64_t EngineLoop::live() const { return impl_->live.load(); }

void EngineLoop::begin_stop(std::chrono::milliseconds grace) { impl_->begin_stop(grace); }

void EngineLoop::stop(std::chrono::milliseconds grace) {
  impl_->begin_stop(grace);
  impl_->join();
}

}  // namespace monocle
