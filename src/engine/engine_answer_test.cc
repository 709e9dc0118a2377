// SPDX-License-Identifier: Apache-2.0
// Answers under a grammar. The matcher here is this file's own: its members are defined below, so
// that the linker does not take those of the grammar room, and a test can make it misbehave.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "engine/test_engine.h"
#include "grammar/token_matcher.h"

namespace monocle {

struct TokenMatcher::Impl {
  std::function<bool(std::span<std::uint32_t>)> fill;
  std::function<bool(std::int32_t)> accept;
  std::function<bool()> finished = [] { return false; };
};
TokenMatcher::TokenMatcher(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenMatcher::~TokenMatcher() = default;
bool TokenMatcher::fill(std::span<std::uint32_t> mask) { return impl_->fill(mask); }
bool TokenMatcher::accept(std::int32_t token) { return impl_->accept(token); }
bool TokenMatcher::finished() const { return impl_->finished(); }

namespace {

using test::Answer;
using test::EngineTest;
using test::kStopToken;
using test::text;

using EngineAnswerTest = EngineTest;

void allow(std::span<std::uint32_t> mask, std::int32_t token) {
  mask[static_cast<std::size_t>(token / 32)] |= 1U << (token % 32);
}

// Allows exactly these tokens, one after the other, then the stop token.
std::shared_ptr<TokenMatcher> scripted(std::vector<std::int32_t> script,
                                       std::shared_ptr<std::size_t> at) {
  script.push_back(kStopToken);
  auto impl = std::make_unique<TokenMatcher::Impl>();
  impl->fill = [script, at](std::span<std::uint32_t> mask) {
    std::ranges::fill(mask, 0U);
    allow(mask, script.at(*at));
    return true;
  };
  impl->accept = [script, at](std::int32_t token) { return token == script.at((*at)++); };
  return std::make_shared<TokenMatcher>(std::move(impl));
}

TEST_F(EngineAnswerTest, EveryTokenComesFromTheMask) {
  const auto engine = open({.step_tokens = 16, .sequences = 3, .context_tokens = 64});
  std::map<RequestId, std::vector<std::int32_t>> expected;
  for (std::int32_t i = 0; i < 5; ++i) {
    const std::vector<std::int32_t> script{90 + i, 32, 31, 64, 0, 96 - i};
    Request request = text({1, 2, i}, 20);
    request.sampling.temperature = i % 2 == 0 ? 0.0F : 1.0F;
    request.matcher = scripted(script, std::make_shared<std::size_t>(0));
    const auto id = engine->submit(std::move(request));
    ASSERT_TRUE(id.has_value());
    expected[*id] = script;
    expected[*id].push_back(kStopToken);
    ASSERT_TRUE(engine->submit(text({i}, 9)).has_value());  // free text between them
  }
  auto answers = drain(*engine);
  for (const auto& [id, tokens] : expected) {
    EXPECT_EQ(answers[id].tokens, tokens);
    EXPECT_EQ(answers[id].finish, FinishReason::kStop);
  }
}

TEST_F(EngineAnswerTest, AMatcherOutlivesPreemption) {
  const auto engine = open({.step_tokens = 16,
                            .sequences = 4,
                            .context_tokens = 48,
                            .kv_tokens = 48,
                            .block_tokens = 4});
  std::vector<std::int32_t> script;
  for (std::int32_t i = 0; i < 30; ++i) {
    script.push_back(10 + i);
  }
  for (int i = 0; i < 4; ++i) {
    Request request = text({5, 6, 7}, 40);
    request.matcher = scripted(script, std::make_shared<std::size_t>(0));
    ASSERT_TRUE(engine->submit(std::move(request)).has_value());
  }
  script.push_back(kStopToken);
  for (const auto& [id, answer] : drain(*engine)) {
    EXPECT_EQ(answer.tokens, script);
  }
  EXPECT_GT(engine->stats().preemptions, 0);
}

TEST_F(EngineAnswerTest, AnEmptyMaskEndsTheRequestWithAnError) {
  const auto engine = open({.context_tokens = 64});
  auto impl = std::make_unique<TokenMatcher::Impl>();
  impl->fill = [](std::span<std::uint32_t> mask) {
    std::ranges::fill(mask, 0U);
    return true;
  };
  impl->accept = [](std::int32_t) { return true; };
  Request request = text({1, 2}, 5);
  request.matcher = std::make_shared<TokenMatcher>(std::move(impl));
  const Answer answer = alone(*engine, std::move(request));
  EXPECT_EQ(answer.finish, FinishReason::kError);
  EXPECT_TRUE(answer.tokens.empty());
  EXPECT_NE(answer.last.error.find("the grammar allows none"), std::string::npos);
}

TEST_F(EngineAnswerTest, ARefusedTokenEndsTheRequestWithAnError) {
  const auto engine = open({.context_tokens = 64});
  auto impl = std::make_unique<TokenMatcher::Impl>();
  impl->fill = [](std::span<std::uint32_t> mask) {
    std::ranges::fill(mask, 0U);
    allow(mask, 77);
    return true;
  };
  impl->accept = [](std::int32_t) { return false; };
  Request request = text({1, 2}, 5);
  request.matcher = std::make_shared<TokenMatcher>(std::move(impl));
  const Answer answer = alone(*engine, std::move(request));
  EXPECT_EQ(answer.finish, FinishReason::kError);
  EXPECT_TRUE(answer.tokens.empty()) << "what the grammar refuses is not shown";
  EXPECT_NE(answer.last.error.find("refuses token 77"), std::string::npos);
}

TEST_F(EngineAnswerTest, AMatcherThatAllowsEverythingIsFreeText) {
  const auto engine = open({.context_tokens = 64});
  const Answer expected = alone(*engine, text({1, 2}, 9));
  auto impl = std::make_unique<TokenMatcher::Impl>();
  impl->fill = [](std::span<std::uint32_t>) { return false; };
  impl->accept = [](std::int32_t) { return true; };
  Request request = text({1, 2}, 9);
  request.matcher = std::make_shared<TokenMatcher>(std::move(impl));
  EXPECT_EQ(alone(*engine, std::move(request)).tokens, expected.tokens);
}

TEST_F(EngineAnswerTest, AFinishedMatcherEndsTheAnswer) {
  const auto engine = open({.context_tokens = 64});
  auto count = std::make_shared<int>(0);
  auto impl = std::make_unique<TokenMatcher::Impl>();
  impl->fill = [](std::span<std::uint32_t>) { return false; };
  impl->accept = [count](std::int32_t) { return ++*count > 0; };
  impl->finished = [count] { return *count == 3; };
  Request request = text({1, 2}, 9);
  request.stop_token_ids.clear();
  request.matcher = std::make_shared<TokenMatcher>(std::move(impl));
  const Answer answer = alone(*engine, std::move(request));
  EXPECT_EQ(answer.tokens.size(), 3U);
  EXPECT_EQ(answer.finish, FinishReason::kStop);
}

TEST_F(EngineAnswerTest, LogitsThatAreNotNumbersEndTheRequestWithAnError) {
  const auto engine = open({.context_tokens = 64});
  model_.break_logits = true;
  const Answer answer = alone(*engine, text({1, 2}, 5));
  EXPECT_EQ(answer.finish, FinishReason::kError);
  EXPECT_NE(answer.last.error.find("not numbers"), std::string::npos);
  EXPECT_EQ(engine->stats().kv_blocks_used, 0);
}

}  // namespace
}  // namespace monocle
