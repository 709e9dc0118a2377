// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "engine/test_engine.h"

namespace monocle {
namespace {

using test::Answer;
using test::EngineTest;
using test::FakeModel;
using test::kStopToken;
using test::kVocab;
using test::picture;
using test::text;

TEST_F(EngineTest, BiasEntriesOfOneTokenAddUp) {
  const auto engine = open({});
  const std::int32_t unbiased = alone(*engine, text({3, 1, 4}, 1)).tokens.at(0);
  const std::int32_t other = unbiased == 20 ? 21 : 20;
  Request request = text({3, 1, 4}, 1);
  request.sampling.logit_bias = {{other, 60.0F}, {other - 1, -3.0F}, {other, -50.0F}};
  request.sampling.logit_bias.push_back({unbiased, -40.0F});
  EXPECT_EQ(alone(*engine, request).tokens.at(0), other);
  request.sampling.logit_bias.push_back({other, -60.0F});
  EXPECT_NE(alone(*engine, request).tokens.at(0), other);
}

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

// Four layers over 24 patches: with 6 patches to a step, one layer each.
TEST_F(EngineTest, AnswersGoOnBetweenTheLayersOfALargePicture) {
  const auto whole = open({.context_tokens = 256, .patches = 64});
  const Answer expected = alone(*whole, picture(4, 1.5F, 30));
  FakeModel model;
  auto engine = Engine::create(model, backend_,
                               {.sequences = 4,
                                .context_tokens = 256,
                                .patches = 64,
                                .media_patches = 6,
                                .kv = DType::kF32});
  ASSERT_TRUE(engine.has_value());
  Request running = text({1, 2, 3}, 60);
  running.stop_token_ids.clear();
  const auto other = (*engine)->submit(std::move(running));
  std::vector<TokenEvent> events;
  (*engine)->step(events);
  const auto id = (*engine)->submit(picture(4, 1.5F, 30));
  const auto twin = (*engine)->submit(picture(4, 1.5F, 30));
  ASSERT_TRUE(other.has_value() && id.has_value() && twin.has_value());
  for (int layer = 1; layer <= 3; ++layer) {
    events.clear();
    (*engine)->step(events);
    EXPECT_EQ(model.encodes, layer);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events.front().request, *other);
  }
  events.clear();
  auto answers = drain(**engine, std::move(events));
  EXPECT_EQ(model.encodes, 4);
  EXPECT_EQ(answers[*id].tokens, expected.tokens);
  EXPECT_EQ(answers[*twin].tokens, expected.tokens);
}

// A picture that came later but is more urgent takes the tower; the first one's layers run again.
TEST_F(EngineTest, APictureThatLostTheTowerIsReadAgain) {
  const auto whole = open({.context_tokens = 256, .patches = 64});
  const Answer expected = alone(*whole, picture(4, 1.5F, 30));
  const auto engine =
      open({.sequences = 4, .context_tokens = 256, .patches = 64, .media_patches = 6});
  model_.encodes = 0;
  std::vector<TokenEvent> events;
  const auto first = engine->submit(picture(4, 1.5F, 30));
  engine->step(events);
  engine->step(events);
  Request urgent = picture(4, 2.5F, 30);
  urgent.priority = -1;
  const auto second = engine->submit(std::move(urgent));
  ASSERT_TRUE(first.has_value() && second.has_value());
  auto answers = drain(*engine, std::move(events));
  EXPECT_EQ(model_.encodes, 2 + 4 + 4);
  EXPECT_EQ(answers[*first].tokens, expected.tokens);
  EXPECT_EQ(answers[*second].finish, expected.finish);
}

// Cancelled in the tower: the next picture takes its place in the pool and starts at the first
// layer.
TEST_F(EngineTest, ACancelledPictureLeavesTheTower) {
  const auto whole = open({.context_tokens = 256, .patches = 64});
  const Answer expected = alone(*whole, picture(4, 2.5F, 30));
  const auto engine = open({.context_tokens = 256, .patches = 64, .media_patches = 6});
  std::vector<TokenEvent> events;
  const auto first = engine->submit(picture(4, 1.5F, 30));
  ASSERT_TRUE(first.has_value());
  engine->step(events);
  engine->cancel(*first);
  EXPECT_EQ(alone(*engine, picture(4, 2.5F, 30)).tokens, expected.tokens);
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
