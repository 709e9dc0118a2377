// SPDX-License-Identifier: Apache-2.0
// The engine on a thread of its own: requests come from any thread, events go to each request's own
// handler. Every accepted request gets exactly one terminal event, also when the loop stops.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "monocle/event.h"
#include "monocle/request.h"

namespace monocle {

// Called on the engine thread, in order, for one request; must return quickly and must not throw.
// It may call submit, cancel, pause, resume and stats, but not stop.
using EventHandler = std::function<void(TokenEvent&&)>;

// A request of which no event was sent when its device failed.
struct LostRequest {
  RequestId id = 0;
  Request request;
  EventHandler handler;
};
// Called once, on the engine thread, after a device error. Takes out what goes on elsewhere; the
// rest ends with the error. Must not stop the loop.
using LostHandler = std::function<void(const std::string& failure, std::vector<LostRequest>&)>;

class EngineLoop {
 public:
  // Takes over the engine; model and backend must outlive the loop.
  explicit EngineLoop(std::unique_ptr<Engine> engine);
  EngineLoop(std::unique_ptr<Engine> engine, LostHandler on_lost);
  ~EngineLoop();  // stop(0)
  EngineLoop(const EngineLoop&) = delete;
  EngineLoop& operator=(const EngineLoop&) = delete;

  // Refuses at once what can never run or does not fit into the queue (kInvalidArgument, kTooLarge,
  // kQueueFull, kUnavailable while stopping); an accepted request is answered through its handler.
  Result<RequestId> submit(Request request, EventHandler handler);
  // The same under an id that the caller has drawn, for all requests of this loop or none. After
  // kQueueFull and kUnavailable request and handler are as they were.
  Status submit(RequestId id, Request& request, EventHandler& handler);

  // The terminal event (kCancelled) comes within one step. Unknown ids are ignored. False: the
  // device has failed, nobody will look.
  bool cancel(RequestId id);
  // A paused request is left out of steps: its reader does not keep up. It keeps its memory until
  // others need it; what it lost is computed again when it goes on, with the same text.
  void pause(RequestId id);
  void resume(RequestId id);

  // A snapshot from between two steps; any thread, never waits for a step. `healthy` is false after
  // a device error: every request was ended with it, new ones get kUnavailable, and only a new
  // process helps.
  [[nodiscard]] EngineStats stats() const;
  // Requests without a terminal event, those that are being checked included.
  [[nodiscard]] std::int64_t live() const;

  // No new requests; running and waiting ones go on for at most `grace`, then they are cancelled.
  void stop(std::chrono::milliseconds grace);
  // Without waiting for it: stop() must follow.
  void begin_stop(std::chrono::milliseconds grace);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
