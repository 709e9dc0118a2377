// SPDX-License-Identifier: Apache-2.0
// Requests that want the state of their last token instead of an answer.
#include <gtest/gtest.h>

#include <random>

#include "engine/test_engine.h"

namespace monocle {
namespace {

using test::Answer;
using test::EngineTest;
using test::FakeModel;
using test::kVocab;
using test::picture;
using test::text;

using EngineEmbedTest = EngineTest;

Request embed(Request request) {
  request.embed = true;
  request.max_tokens = 0;
  return request;
}

Request sample(unsigned i) {
  std::mt19937 random(i);
  if (i % 3 == 0) {
    return picture(static_cast<std::int32_t>(random() % 20), static_cast<float>(i % 5), 40);
  }
  std::vector<std::int32_t> ids(1 + random() % 60, static_cast<std::int32_t>(i % 7));
  ids.back() = static_cast<std::int32_t>(random() % kVocab);
  return text(std::move(ids), 40);
}

TEST_F(EngineEmbedTest, OneTerminalEventCarriesTheState) {
  const auto engine = open({.context_tokens = 64, .patches = 64});
  const Answer answer = alone(*engine, embed(picture(3, 1.0F, 1)));
  EXPECT_EQ(answer.terminals, 1);
  EXPECT_TRUE(answer.tokens.empty());
  EXPECT_EQ(answer.finish, FinishReason::kStop);
  EXPECT_EQ(answer.last.embedding.size(), 1U);
  EXPECT_NE(answer.last.embedding.front(), 0.0F);
  EXPECT_EQ(answer.last.usage.prompt_tokens, 10);
  EXPECT_EQ(answer.last.usage.media_tokens, 6);
  EXPECT_EQ(answer.last.usage.completion_tokens, 0);
}

// In steps shared with answers, in chunks, behind cached prefixes, and preempted for want of
// blocks.
TEST_F(EngineEmbedTest, WhatElseRunsIsNotSeenInTheState) {
  for (const std::int64_t blocks : {8, 30}) {
    FakeModel model;
    auto engine = Engine::create(model, backend_,
                                 {.step_tokens = 9,
                                  .sequences = 4,
                                  .context_tokens = 80,
                                  .kv_tokens = blocks * 16,
                                  .patches = 64,
                                  .kv = DType::kF32});
    ASSERT_TRUE(engine.has_value());
    std::map<RequestId, Answer> expected;
    std::vector<TokenEvent> events;
    for (unsigned i = 0; i < 60; ++i) {
      const auto make = [i] { return i % 2 == 0 ? embed(sample(i / 4)) : sample(i / 4); };
      FakeModel other;
      auto single =
          Engine::create(other, backend_, {.context_tokens = 80, .patches = 64, .kv = DType::kF32});
      const auto id = (*engine)->submit(make());
      ASSERT_TRUE(id.has_value());
      expected[*id] = alone(**single, make());
      (*engine)->step(events);
    }
    auto answers = drain(**engine, std::move(events));
    ASSERT_EQ(answers.size(), expected.size());
    for (const auto& [id, answer] : expected) {
      EXPECT_EQ(answers[id].last.embedding, answer.last.embedding) << "request " << id;
      EXPECT_EQ(answers[id].tokens, answer.tokens) << "request " << id;
      EXPECT_EQ(answers[id].terminals, 1);
    }
    EXPECT_GT((*engine)->stats().prefix_hit_tokens, 0);
    EXPECT_EQ((*engine)->stats().preemptions > 0, blocks == 8) << "the small cache is for that";
  }
}

TEST_F(EngineEmbedTest, APromptMayFillTheContext) {
  const auto engine = open({.context_tokens = 32});
  const Answer full = alone(*engine, embed(text(std::vector<std::int32_t>(32, 1), 1)));
  EXPECT_EQ(full.last.embedding.size(), 1U);
  const auto over = engine->submit(embed(text(std::vector<std::int32_t>(33, 1), 1)));
  ASSERT_FALSE(over.has_value());
  EXPECT_EQ(over.error().code, ErrorCode::kTooLarge);
}

TEST_F(EngineEmbedTest, ACancelledOneHasNoState) {
  const auto engine = open({.step_tokens = 4, .context_tokens = 64});
  const auto id = engine->submit(embed(text(std::vector<std::int32_t>(40, 1), 1)));
  ASSERT_TRUE(id.has_value());
  std::vector<TokenEvent> events;
  engine->step(events);
  engine->cancel(*id);
  const Answer answer = drain(*engine, std::move(events))[*id];
  EXPECT_EQ(answer.finish, FinishReason::kCancelled);
  EXPECT_EQ(answer.terminals, 1);
  EXPECT_TRUE(answer.last.embedding.empty());
}

}  // namespace
}  // namespace monocle
