// SPDX-License-Identifier: Apache-2.0
// For the tests of engines on threads of their own: readers of events, models that break down.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "engine/engine_loop.h"
#include "engine/test_model.h"

namespace monocle::test {

// Never ends by itself within these tests.
inline Request endless() {
  Request request = text({1, 2, 3}, 1 << 20);
  request.stop_token_ids.clear();
  return request;
}

// Collects what one request's handler gets; wait() returns at its terminal event. The handler may
// outlive the reader by a moment, so it owns the state too.
class Reader {
 public:
  EventHandler handler() {
    return [state = state_](TokenEvent&& event) {
      EXPECT_FALSE(state->ended) << "an event after the terminal one";
      state->tokens += event.token_id >= 0 ? 1 : 0;
      if (event.finish != FinishReason::kNone) {
        state->ended = true;
        state->terminal.set_value(event);
      }
    };
  }
  TokenEvent wait() { return state_->terminal.get_future().get(); }
  int tokens() { return state_->tokens; }
  void wait_for_tokens(int count) {
    while (tokens() < count) {
      std::this_thread::yield();
    }
  }

 private:
  struct State {
    std::atomic<int> tokens{0};
    bool ended = false;  // engine thread only
    std::promise<TokenEvent> terminal;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

// Stands still in the middle of the given step until the gate (if there is one) is open, then
// breaks down or recovers.
class BreakingModel final : public Model {
 public:
  explicit BreakingModel(int good_steps, std::shared_future<void> gate = {}, bool recovers = false)
      : good_steps_(good_steps), gate_(std::move(gate)), recovers_(recovers) {}
  const ModelFacts& facts() const override { return inner_.facts(); }
  Status plan(const PlanLimits& limits) override { return inner_.plan(limits); }
  std::size_t workspace_bytes() const override { return 0; }
  Status encode_layers(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                       LayerRange layers, const TraceSink* trace) override {
    return inner_.encode_layers(patches, pool, first_row, layers, trace);
  }
  void forward(const StepInputs& step, std::span<const KvView> kv, const StepOutputs& out,
               const TraceSink* trace) override {
    if (good_steps_-- == 0) {
      if (gate_.valid()) {
        gate_.wait();
      }
      if (!recovers_) {
        throw std::runtime_error("the device is lost");
      }
    }
    inner_.forward(step, kv, out, trace);
  }

 private:
  FakeModel inner_;
  int good_steps_;
  std::shared_future<void> gate_;
  bool recovers_;
};

}  // namespace monocle::test
