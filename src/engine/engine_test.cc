// SPDX-License-Identifier: Apache-2.0
// The engine with a fake model whose next token is a function of the whole history it can see in
// its "KV cache". Any mistake in slots, block tables, chunking or positions changes the text.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "ops/reference/reference_backend.h"

namespace monocle {
namespace {

constexpr std::int32_t kVocab = 97;
constexpr std::int32_t kStopToken = 3;

// Stores each token's id, position and media row in layer 0's key slot and answers with a hash over
// all keys that the block table shows.
class FakeModel final : public Model {
 public:
  FakeModel() {
    facts_.vocab = kVocab;
    facts_.hidden = 1;
    facts_.layers = 1;
    facts_.kv_heads = 1;
    facts_.head_dim = 1;
    facts_.deepstack_levels = 1;
    facts_.max_positions = 4096;
  }
  const ModelFacts& facts() const override { return facts_; }
  Status plan(const PlanLimits& limits) override {
    max_blocks_ = limits.blocks_per_sequence;
    max_step_ = limits.step_tokens;
    return {};
  }
  std::size_t workspace_bytes() const override { return 0; }

  Status encode_media(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                      const TraceSink*) override {
    ++encodes;
    if (patches.rows[0] < 0) {
      return fail(ErrorCode::kInternal, "the tower does not like this picture");
    }
    const std::int64_t count = patches.grid.tokens(2);
    for (std::int32_t level = 0; level < 2; ++level) {
      const TensorView rows = pool.level(level).slice_rows(first_row, count);
      for (std::int64_t r = 0; r < count; ++r) {
        rows.row<float>(r)[0] = patches.rows[0] + static_cast<float>(r * 10 + level);
      }
    }
    return {};
  }

  void forward(const StepInputs& step, std::span<const KvView> kv, TensorView logits,
               const TraceSink*) override {
    const auto tokens = static_cast<std::int64_t>(step.token_ids.size());
    EXPECT_LE(tokens, max_step_);
    auto* keys = static_cast<float*>(kv[0].k);
    for (std::int64_t t = 0; t < tokens; ++t) {
      const auto i = static_cast<std::size_t>(t);
      float value = static_cast<float>(step.token_ids[i]);
      for (std::size_t axis = 0; axis < 3; ++axis) {
        value = value * 1.7F +
                static_cast<float>(step.positions[axis * step.token_ids.size() + i]) * 0.3F;
      }
      const std::int32_t row = step.media_row.empty() ? -1 : step.media_row[i];
      if (row >= 0) {
        value +=
            step.media->level(0).row<float>(row)[0] + 2 * step.media->level(1).row<float>(row)[0];
      }
      keys[step.slots[i]] = value;
    }
    std::size_t sample = 0;
    for (std::size_t b = 0; b < step.context.size(); ++b) {
      if (sample < step.sample_rows.size() &&
          step.sample_rows[sample] == step.query_start[b + 1] - 1) {
        answer(step, keys, b, kv[0].block_tokens,
               logits.row<float>(static_cast<std::int64_t>(sample++)));
      }
    }
    EXPECT_EQ(sample, step.sample_rows.size());
  }

  int encodes = 0;

 private:
  void answer(const StepInputs& step, const float* keys, std::size_t b, std::int32_t block_tokens,
              float* logits) const {
    double sum = 0;
    for (std::int64_t p = 0; p < step.context[b]; ++p) {
      const auto at =
          b * static_cast<std::size_t>(max_blocks_) + static_cast<std::size_t>(p / block_tokens);
      sum = sum * 0.75 +
            static_cast<double>(keys[step.block_table[at] * block_tokens + p % block_tokens]);
    }
    std::fill_n(logits, kVocab, 0.0F);
    logits[static_cast<std::size_t>(std::fabs(sum) * 13.0) % kVocab] = 9.0F;
  }

  ModelFacts facts_;
  std::int64_t max_blocks_ = 0;
  std::int64_t max_step_ = 0;
};

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

  static Request text(std::vector<std::int32_t> ids, std::int32_t max_tokens) {
    Request request;
    const auto n = static_cast<std::int32_t>(ids.size());
    for (int axis = 0; axis < 3; ++axis) {
      for (std::int32_t p = 0; p < n; ++p) {
        request.prompt.positions.push_back(p);
      }
    }
    request.prompt.token_ids = std::move(ids);
    request.max_tokens = max_tokens;
    request.stop_token_ids = {kStopToken};
    return request;
  }

  // `before` text tokens, a picture of 2x3 media tokens, one text token.
  static Request picture(std::int32_t before, float colour, std::int32_t max_tokens) {
    Request request =
        text(std::vector<std::int32_t>(static_cast<std::size_t>(before) + 7, 5), max_tokens);
    auto patches = std::make_shared<Patches>();
    patches->grid = {1, 4, 6};
    patches->rows = {colour};
    request.prompt.media.push_back({patches, static_cast<std::uint64_t>(colour * 8), 1});
    request.prompt.spans.push_back({before, 6, 0, 0});
    return request;
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

TEST_F(EngineTest, ChunkedPrefillGivesTheSameTextAsOneChunk) {
  const auto whole = open({.step_tokens = 512, .context_tokens = 256, .patches = 64});
  const Answer expected = alone(*whole, picture(40, 1.5F, 30));
  ASSERT_GE(expected.tokens.size(), 2U);
  for (const std::int64_t chunk : {1, 2, 7, 16, 17, 46}) {
    FakeModel model;
    auto engine = Engine::create(
        model, backend_,
        {.step_tokens = chunk, .context_tokens = 256, .patches = 64, .kv = DType::kF32});
    ASSERT_TRUE(engine.has_value());
    EXPECT_EQ(alone(**engine, picture(40, 1.5F, 30)).tokens, expected.tokens) << "chunk " << chunk;
  }
}

TEST_F(EngineTest, MixedRequestsGiveTheSameTextsAsAlone) {
  const auto engine = open(
      {.step_tokens = 24, .sequences = 4, .context_tokens = 128, .kv_tokens = 300, .patches = 64});
  std::mt19937 random(11);
  const auto make = [](int i) {
    return i % 3 == 0 ? picture(i % 20, static_cast<float>(i % 5), 10 + i % 13)
                      : text(std::vector<std::int32_t>(static_cast<std::size_t>(1 + i * 7 % 60),
                                                       i % kVocab),
                             1 + i % 25);
  };
  std::map<RequestId, std::vector<std::int32_t>> expected;
  std::vector<TokenEvent> events;
  for (int i = 0; i < 60; ++i) {
    FakeModel model;
    auto single =
        Engine::create(model, backend_, {.context_tokens = 128, .patches = 64, .kv = DType::kF32});
    const auto id = engine->submit(make(i));
    ASSERT_TRUE(id.has_value());
    expected[*id] = alone(**single, make(i)).tokens;
    for (unsigned steps = random() % 4; steps > 0; --steps) {
      engine->step(events);
    }
  }
  auto answers = drain(*engine, std::move(events));
  ASSERT_EQ(answers.size(), expected.size());
  for (const auto& [id, tokens] : expected) {
    EXPECT_EQ(answers[id].tokens, tokens) << id;
    EXPECT_EQ(answers[id].terminals, 1);
  }
}

TEST_F(EngineTest, CancelAtAnyMomentEndsInOneTerminalEventAndFreesEverything) {
  for (int steps = 0; steps < 12; ++steps) {
    const auto engine = open({.step_tokens = 8, .context_tokens = 128, .patches = 64});
    const auto id = engine->submit(picture(20, 2.0F, 50));
    ASSERT_TRUE(id.has_value());
    std::vector<TokenEvent> events;
    for (int i = 0; i < steps && !engine->idle(); ++i) {
      engine->step(events);
    }
    const bool done = engine->idle();
    engine->cancel(*id);
    const Answer answer = drain(*engine, std::move(events))[*id];
    EXPECT_EQ(answer.terminals, 1);
    EXPECT_TRUE(done || answer.finish == FinishReason::kCancelled);
    EXPECT_EQ(engine->stats().kv_blocks_used, 0);
  }
}

TEST_F(EngineTest, EqualPicturesAreEncodedOnce) {
  const auto engine =
      open({.step_tokens = 64, .sequences = 2, .context_tokens = 128, .patches = 64});
  alone(*engine, picture(3, 1.0F, 2));
  alone(*engine, picture(9, 1.0F, 2));
  EXPECT_EQ(model_.encodes, 1);
  alone(*engine, picture(3, 2.0F, 2));
  EXPECT_EQ(model_.encodes, 2);
}

TEST_F(EngineTest, APictureTheTowerRefusesFailsOnlyItsOwnRequest) {
  const auto engine =
      open({.step_tokens = 64, .sequences = 2, .context_tokens = 128, .patches = 64});
  const auto bad = engine->submit(picture(3, -1.0F, 5));
  const auto good = engine->submit(text({7, 8, 9}, 5));
  auto answers = drain(*engine);
  EXPECT_EQ(answers[*bad].finish, FinishReason::kError);
  EXPECT_NE(answers[*bad].last.error.find("does not like"), std::string::npos);
  EXPECT_EQ(answers[*good].terminals, 1);
  EXPECT_NE(answers[*good].finish, FinishReason::kError);
}

TEST_F(EngineTest, LengthAndUsageAreReported) {
  const auto engine = open({.context_tokens = 64, .patches = 64});
  const Answer answer = alone(*engine, picture(2, 1.0F, 4));
  EXPECT_EQ(answer.last.usage.prompt_tokens, 9);
  EXPECT_EQ(answer.last.usage.media_tokens, 6);
  EXPECT_EQ(answer.last.usage.completion_tokens, static_cast<std::int64_t>(answer.tokens.size()));
  if (answer.finish == FinishReason::kLength) {
    EXPECT_EQ(answer.tokens.size(), 4U);
  } else {
    EXPECT_EQ(answer.tokens.back(), kStopToken);
  }
}

TEST_F(EngineTest, TheContextLengthEndsARequest) {
  const auto engine = open({.context_tokens = 20, .patches = 64});
  Request request = text({1, 2, 4}, 1000);
  request.stop_token_ids.clear();
  const Answer answer = alone(*engine, std::move(request));
  EXPECT_EQ(answer.finish, FinishReason::kLength);
  EXPECT_EQ(answer.tokens.size(), 17U);
}

TEST_F(EngineTest, WhatCanNeverRunIsRefusedAtSubmit) {
  const auto engine = open({.context_tokens = 32, .media_rows = 4, .patches = 64});
  const auto message = [&](Request request) {
    const auto id = engine->submit(std::move(request));
    return id ? std::string() : id.error().message;
  };
  EXPECT_NE(message(text(std::vector<std::int32_t>(32, 1), 1)).find("maximum context length is 32"),
            std::string::npos);
  EXPECT_NE(message(picture(1, 1.0F, 1)).find("media pool holds 4"), std::string::npos);
  EXPECT_NE(message(text({}, 1)).find("empty"), std::string::npos);
  EXPECT_NE(message(text({kVocab}, 1)).find("vocabulary"), std::string::npos);
  EXPECT_NE(message(text({1}, 0)).find("max_tokens is 0"), std::string::npos);
  Request hot = text({1}, 1);
  hot.sampling.top_p = std::numeric_limits<float>::quiet_NaN();
  EXPECT_NE(message(std::move(hot)).find("top_p"), std::string::npos);
  Request torn = picture(1, 1.0F, 1);
  torn.prompt.spans[0].count = 5;
  EXPECT_NE(message(std::move(torn)).find("6 tokens"), std::string::npos);
  EXPECT_TRUE(engine->idle());
}

TEST_F(EngineTest, AFullQueueSaysSo) {
  const auto engine = open({.context_tokens = 32, .patches = 64});
  Result<RequestId> last = RequestId{0};
  for (int i = 0; i < 300 && last; ++i) {
    last = engine->submit(text({1}, 1));
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, ErrorCode::kQueueFull);
  drain(*engine);
}

}  // namespace
}  // namespace monocle
