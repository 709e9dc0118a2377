// SPDX-License-Identifier: Apache-2.0
// The small pure parts: loop guard, sampling defaults, measured rates.
#include <gtest/gtest.h>

#include <random>

#include "service/loop_guard.h"
#include "service/sampling.h"
#include "service/speed.h"

namespace monocle::service {
namespace {

TEST(LoopGuard, one_token_for_ever) {
  LoopGuard guard;
  std::size_t count = 1;
  while (!guard.push(7)) {
    ASSERT_LT(count, 2 * LoopGuard::kWindow);
    ++count;
  }
  EXPECT_EQ(count, LoopGuard::kWindow);
}

TEST(LoopGuard, longest_period_behind_other_text) {
  LoopGuard guard;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_FALSE(guard.push(i));
  }
  bool found = false;
  const int period = static_cast<int>(LoopGuard::kPeriod);
  for (int i = 0; i < 2 * static_cast<int>(LoopGuard::kWindow) && !found; ++i) {
    found = guard.push(2000 + i % period);
  }
  EXPECT_TRUE(found);
}

TEST(LoopGuard, a_longer_period_and_plain_text_pass) {
  LoopGuard cycle;
  LoopGuard text;
  std::mt19937 random(3);
  for (int i = 0; i < 4000; ++i) {
    EXPECT_FALSE(cycle.push(i % static_cast<int>(LoopGuard::kPeriod + 1)));
    EXPECT_FALSE(text.push(static_cast<int>(random() % 50)));
  }
}

TEST(LoopGuard, a_break_starts_the_count_again) {
  LoopGuard guard;
  for (int i = 0; i < 2000; ++i) {
    EXPECT_FALSE(guard.push(i % 200 == 0 ? i : 7));
  }
}

TEST(Sampling, wishes_go_before_defaults) {
  qwen3_vl::GenerationConfig defaults;
  defaults.do_sample = true;
  defaults.temperature = 0.7F;
  defaults.top_k = 20;
  api::Generation wishes;
  wishes.top_k = 5;
  wishes.seed = 11;
  wishes.logit_bias = {{3, -1.5F}};
  const SamplingParams params = resolve_sampling(wishes, defaults);
  EXPECT_EQ(params.temperature, 0.7F);
  EXPECT_EQ(params.top_k, 5);
  EXPECT_EQ(params.seed, 11U);
  ASSERT_EQ(params.logit_bias.size(), 1U);
  EXPECT_EQ(params.logit_bias[0].token_id, 3);
}

TEST(Sampling, greedy_models_stay_greedy_until_asked) {
  qwen3_vl::GenerationConfig defaults;
  defaults.temperature = 0.9F;  // do_sample is false
  EXPECT_EQ(resolve_sampling({}, defaults).temperature, 0.0F);
  api::Generation wishes;
  wishes.temperature = 0.3F;
  EXPECT_EQ(resolve_sampling(wishes, defaults).temperature, 0.3F);
}

TEST(Sampling, choices_have_seeds_of_their_own) {
  EXPECT_EQ(choice_seed(5, 0), 5U);
  EXPECT_NE(choice_seed(5, 1), choice_seed(5, 2));
  EXPECT_EQ(choice_seed(5, 2), choice_seed(5, 2));
}

TEST(Speed, averages_what_was_computed) {
  Speed speed;
  RequestUsage usage;
  usage.prompt_tokens = 100;
  usage.cached_tokens = 50;
  usage.media_tokens = 40;
  usage.completion_tokens = 11;
  RequestTiming timing;
  timing.vision_ms = 80;
  timing.prefill_ms = 100;
  timing.decode_ms = 50;
  speed.note(usage, timing);
  EXPECT_DOUBLE_EQ(speed.rates().vision_ms_per_token, 2.0);
  EXPECT_DOUBLE_EQ(speed.rates().prefill_ms_per_token, 2.0);
  EXPECT_DOUBLE_EQ(speed.rates().decode_ms_per_token, 5.0);
  timing.decode_ms = 100;
  speed.note(usage, timing);
  EXPECT_GT(speed.rates().decode_ms_per_token, 5.0);
  EXPECT_LT(speed.rates().decode_ms_per_token, 10.0);
}

TEST(Speed, a_picture_that_was_not_encoded_says_nothing) {
  Speed speed;
  RequestUsage usage;
  usage.media_tokens = 40;  // cached: vision took no time
  speed.note(usage, {});
  EXPECT_EQ(speed.rates().vision_ms_per_token, 0.0);
}

}  // namespace
}  // namespace monocle::service
