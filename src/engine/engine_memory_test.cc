// SPDX-License-Identifier: Apache-2.0
// What the engine does with its memory must not be seen in its answers: too few blocks, cached
// prefixes, windows, guesses.
#include <gtest/gtest.h>

#include <random>

#include "engine/test_engine.h"

namespace monocle {
namespace {

using test::Answer;
using test::EngineTest;
using test::FakeModel;
using test::picture;
using test::text;

using EngineMemoryTest = EngineTest;

std::vector<std::int32_t> ids(std::int32_t count, std::int32_t seed) {
  std::vector<std::int32_t> out;
  for (std::int32_t i = 0; i < count; ++i) {
    out.push_back(4 + (seed * 31 + i * i * 7) % (test::kVocab - 4));
  }
  return out;
}

// Greedy and drawn answers, with and without penalties and pictures.
Request varied(int i) {
  Request request = i % 4 == 0 ? picture(i % 11, static_cast<float>(i % 3), 20 + i % 17)
                               : text(ids(1 + i * 7 % 40, i), 15 + i % 20);
  if (i % 2 == 1) {
    request.sampling.temperature = 1.0F;
    request.sampling.seed = static_cast<std::uint64_t>(i);
  }
  if (i % 5 == 0) {
    request.sampling.presence_penalty = 0.7F;
    request.sampling.repetition_penalty = 1.1F;
  }
  return request;
}

TEST_F(EngineMemoryTest, PreemptionDoesNotChangeAnAnswer) {
  const auto ample = open({.step_tokens = 32,
                           .sequences = 1,
                           .context_tokens = 96,
                           .kv_tokens = 96,
                           .patches = 64,
                           .prefix_cache = false});
  const auto scarce = open({.step_tokens = 32,
                            .sequences = 6,
                            .context_tokens = 96,
                            .kv_tokens = 96,
                            .patches = 64,
                            .block_tokens = 4});
  std::map<RequestId, std::vector<std::int32_t>> expected;
  for (int i = 0; i < 80; ++i) {
    const auto id = scarce->submit(varied(i));
    ASSERT_TRUE(id.has_value()) << id.error().message;
    expected[*id] = alone(*ample, varied(i)).tokens;
  }
  auto answers = drain(*scarce);
  EXPECT_GT(scarce->stats().preemptions, 5);
  for (const auto& [id, tokens] : expected) {
    EXPECT_EQ(answers[id].tokens, tokens) << id;
    EXPECT_EQ(answers[id].terminals, 1);
  }
}

TEST_F(EngineMemoryTest, TheSecondQuestionAboutAPictureSkipsWhatIsShared) {
  const EngineLimits limits{
      .step_tokens = 64, .context_tokens = 128, .patches = 64, .block_tokens = 4};
  const auto engine = open(limits);
  const auto ask = [](std::int32_t question) {
    Request request = picture(6, 1.0F, 9, 2);  // the picture ends with token 11, as does a block
    request.prompt.token_ids.back() = question;
    return request;
  };
  EXPECT_EQ(alone(*engine, ask(40)).last.usage.cached_tokens, 0);
  const std::int64_t before = model_.tokens_run;
  const Answer warm = alone(*engine, ask(41));
  EXPECT_EQ(warm.last.usage.cached_tokens, 12);
  EXPECT_EQ(model_.tokens_run - before, 14 - 12 + std::ssize(warm.tokens) - 1);
  EXPECT_EQ(model_.encodes, 1);
  const auto cold = open(limits);
  EXPECT_EQ(alone(*cold, ask(41)).tokens, warm.tokens);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.prefix_query_tokens, 28);
  EXPECT_EQ(stats.prefix_hit_tokens, 12);
  EXPECT_EQ(stats.media_queries, 2);
  EXPECT_EQ(stats.media_hits, 1);
  EXPECT_GT(stats.kv_blocks_cached, 0);
  EXPECT_EQ(stats.kv_blocks_used, 0);
}

TEST_F(EngineMemoryTest, AConversationFindsItsOwnAnswerAgain) {
  const auto engine =
      open({.step_tokens = 64, .context_tokens = 128, .block_tokens = 4, .share_answers = true});
  Request first = text(ids(10, 3), 12);
  first.stop_token_ids.clear();
  std::vector<std::int32_t> turn = first.prompt.token_ids;
  const Answer answer = alone(*engine, std::move(first));
  turn.insert(turn.end(), answer.tokens.begin(), answer.tokens.end());
  turn.push_back(50);
  const Answer warm = alone(*engine, text(turn, 10));
  EXPECT_EQ(warm.last.usage.cached_tokens, 20);
  const auto cold = open({.step_tokens = 64, .context_tokens = 128, .block_tokens = 4});
  EXPECT_EQ(alone(*cold, text(turn, 10)).tokens, warm.tokens);
}

TEST_F(EngineMemoryTest, AWindowKeepsMemoryFlatAndChunksDoNotMatter) {
  const EngineLimits whole{.step_tokens = 64,
                           .context_tokens = 900,
                           .block_tokens = 4,
                           .window_tokens = 24,
                           .sink_tokens = 6};
  const auto endless = [] {
    Request request = text(ids(60, 1), 800);
    request.stop_token_ids.clear();
    return request;
  };
  const auto engine = open(whole);
  const auto id = engine->submit(endless());
  ASSERT_TRUE(id.has_value());
  std::vector<TokenEvent> events;
  std::int32_t most = 0;
  while (!engine->idle()) {
    engine->step(events);
    if (events.size() > 100) {
      most = std::max(most, engine->stats().kv_blocks_used);
    }
  }
  EXPECT_LE(most, 10) << "6 sinks and 24 tokens in blocks of 4, and the one being written";
  const Answer expected = drain(*engine, std::move(events))[*id];
  EXPECT_EQ(expected.tokens.size(), 800U);
  EngineLimits chunked = whole;
  chunked.step_tokens = 5;
  chunked.kv_tokens = 60;
  EXPECT_NE(alone(*open({.context_tokens = 900}), endless()).tokens, expected.tokens)
      << "the window is seen in the answer";
  FakeModel model;
  chunked.kv = DType::kF32;
  auto small = Engine::create(model, backend_, chunked);
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(alone(**small, endless()).tokens, expected.tokens);
}

TEST_F(EngineMemoryTest, GuessesDoNotChangeAnAnswer) {
  model_.words = 6;  // few words, and drawn answers: guesses are often right and often wrong
  model_.rambles = true;
  const auto plain = open({.step_tokens = 64,
                           .sequences = 1,
                           .context_tokens = 160,
                           .patches = 64,
                           .prefix_cache = false});
  const auto guessing = open({.step_tokens = 64,
                              .sequences = 3,
                              .context_tokens = 160,
                              .kv_tokens = 200,
                              .patches = 64,
                              .block_tokens = 4,
                              .draft_tokens = 4});
  std::map<RequestId, Answer> expected;
  for (int i = 0; i < 60; ++i) {
    Request request = varied(i);
    request.max_tokens = 60;
    request.stop_token_ids = {5};
    request.use_draft = i % 7 != 0;
    const auto id = guessing->submit(request);
    ASSERT_TRUE(id.has_value());
    expected[*id] = alone(*plain, request);
  }
  auto answers = drain(*guessing);
  for (const auto& [id, answer] : expected) {
    EXPECT_EQ(answers[id].tokens, answer.tokens) << id;
    EXPECT_EQ(answers[id].finish, answer.finish) << id;
    EXPECT_EQ(answers[id].last.usage.completion_tokens, std::ssize(answer.tokens));
  }
  const EngineStats stats = guessing->stats();
  EXPECT_GT(stats.draft_accepted, 100);
  EXPECT_GT(stats.draft_tokens, stats.draft_accepted);
}

TEST_F(EngineMemoryTest, TheStatisticsAddUp) {
  const auto engine = open({.step_tokens = 16, .sequences = 2, .context_tokens = 96});
  std::int64_t prompt = 0;
  for (int i = 1; i <= 6; ++i) {
    Request request = text(ids(i * 3, i), 8);
    request.stop_token_ids.clear();
    prompt += i * 3;
    ASSERT_TRUE(engine->submit(std::move(request)).has_value());
  }
  const auto cancelled = engine->submit(text(ids(5, 9), 8));
  engine->cancel(*cancelled);
  EXPECT_EQ(engine->stats().waiting, 7);
  drain(*engine);
  const EngineStats stats = engine->stats();
  EXPECT_EQ(stats.prompt_tokens, prompt);
  EXPECT_EQ(stats.generation_tokens, 48);
  EXPECT_EQ(stats.finished[static_cast<std::size_t>(FinishReason::kLength)], 6);
  EXPECT_EQ(stats.finished[static_cast<std::size_t>(FinishReason::kCancelled)], 1);
  std::int64_t steps = 0;
  for (const std::int64_t bucket : stats.step_sizes) {
    steps += bucket;
  }
  EXPECT_EQ(steps, stats.steps);
  EXPECT_EQ(stats.step_tokens, model_.tokens_run);
  EXPECT_EQ(stats.step_sizes[5], 0) << "no step of more than 16 tokens";
  EXPECT_EQ(stats.running + stats.waiting + stats.paused, 0);
}

TEST_F(EngineMemoryTest, ImpossibleLimitsAreRefused) {
  const auto message = [&](const EngineLimits& limits) {
    const auto engine = Engine::create(model_, backend_, limits);
    return engine ? std::string() : engine.error().message;
  };
  EXPECT_NE(message({.step_tokens = 3, .sequences = 4}).find("3 tokens is too small for 4"),
            std::string::npos);
  EXPECT_NE(message({.sequences = 0}).find("0 sequences"), std::string::npos);
  EXPECT_NE(message({.window_tokens = -1}).find("window of -1"), std::string::npos);
}

}  // namespace
}  // namespace monocle
