// SPDX-License-Identifier: Apache-2.0
// For the tests of this room: an engine with the fake model, and the answers it gives.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/test_model.h"
#include "ops/reference/reference_backend.h"

namespace monocle::test {

struct Answer {
  std::vector<std::int32_t> tokens;
  FinishReason finish = FinishReason::kNone;
  int terminals = 0;
  TokenEvent last;
};

class EngineTest : public testing::Test {
 protected:
  std::unique_ptr<Engine> open(EngineLimits limits) {
    limits.kv = DType::kF32;
    auto engine = Engine::create(model_, backend_, limits);
    EXPECT_TRUE(engine.has_value()) << engine.error().message;
    return std::move(*engine);
  }

  static std::map<RequestId, Answer> drain(Engine& engine, std::vector<TokenEvent> events = {}) {
    std::map<RequestId, Answer> answers;
    for (int guard = 0; guard < 100000 && !engine.idle(); ++guard) {
      engine.step(events);
    }
    EXPECT_TRUE(engine.idle());
    EXPECT_TRUE(engine.consistent());
    for (const TokenEvent& event : events) {
      Answer& answer = answers[event.request];
      EXPECT_EQ(answer.terminals, 0) << "an event after the terminal one";
      if (event.token_id >= 0) {
        answer.tokens.push_back(event.token_id);
      }
      if (event.finish != FinishReason::kNone) {
        ++answer.terminals;
        answer.finish = event.finish;
        answer.last = event;
      }
    }
    return answers;
  }

  static Answer alone(Engine& engine, Request request) {
    const auto id = engine.submit(std::move(request));
    EXPECT_TRUE(id.has_value()) << id.error().message;
    return drain(engine)[*id];
  }

  ReferenceBackend backend_;
  FakeModel model_;
};

}  // namespace monocle::test
