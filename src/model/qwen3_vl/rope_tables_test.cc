// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/rope_tables.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace monocle::qwen3_vl {
namespace {

TextConfig text_config() {
  TextConfig config;
  config.head_dim = 128;
  config.rope_theta = 5e6;
  config.mrope_section = {24, 20, 20};
  config.max_position_embeddings = 262144;
  return config;
}

void expect_close(float actual, double expected, std::size_t k) {
  EXPECT_NEAR(actual, expected, expected * 2.5e-7)
      << "channel " << k;  // two units in the last place
}

// Every seventh frequency as the reference computes it.
void expect_frequencies(const TextRope& rope, const std::array<double, 10>& expected) {
  ASSERT_EQ(rope.inv_freq.size(), 64U);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    expect_close(rope.inv_freq[7 * i], expected[i], 7 * i);
  }
}

TEST(RopeTables, DefaultFrequencies) {
  const TextRope rope = text_rope(text_config());
  EXPECT_EQ(rope.scale, 1.0F);
  expect_frequencies(rope,
                     {1.0, 0.185054719, 0.0342452489, 0.00633724453, 0.00117273699, 0.000217020512,
                      4.01606667e-05, 7.43192049e-06, 1.37531208e-06, 2.54507967e-07});
}

TEST(RopeTables, AxesInterleave) {
  const TextRope rope = text_rope(text_config());
  std::array<int, 3> count{};
  for (std::size_t k = 0; k < rope.axis.size(); ++k) {
    EXPECT_EQ(rope.axis[k], k < 60 ? k % 3 : 0) << k;
    ++count[rope.axis[k]];
  }
  EXPECT_EQ(count, (std::array<int, 3>{24, 20, 20}));
}

TEST(RopeTables, YarnFactorThree) {
  TextConfig config = text_config();
  config.yarn = Yarn{.factor = 3.0,
                     .original_max_position_embeddings = 262144,
                     .attention_factor = {},
                     .mscale = {},
                     .mscale_all_dim = {}};
  const TextRope rope = text_rope(config);
  const TextRope plain = text_rope(text_config());
  EXPECT_NEAR(rope.scale, 1.109861228866811, 1e-7);
  for (std::size_t k = 0; k < 64; ++k) {
    if (k <= 29) {
      EXPECT_EQ(rope.inv_freq[k], plain.inv_freq[k]) << k;
    } else if (k >= 45) {
      expect_close(rope.inv_freq[k], static_cast<double>(plain.inv_freq[k]) / 3.0, k);
    }
  }
  expect_close(rope.inv_freq[30], plain.inv_freq[30] * 0.9583333333, 30);
  expect_close(rope.inv_freq[37], 8.93442702e-05, 37);
  expect_close(rope.inv_freq[44], 9.30013812e-06, 44);
}

TEST(RopeTables, YarnBetasWithoutTruncation) {
  TextConfig config = text_config();
  config.yarn = Yarn{.factor = 4.0,
                     .original_max_position_embeddings = 262144,
                     .beta_fast = 16.0,
                     .beta_slow = 2.0,
                     .truncate = false,
                     .attention_factor = {},
                     .mscale = {},
                     .mscale_all_dim = {}};
  const TextRope rope = text_rope(config);
  EXPECT_NEAR(rope.scale, 1.138629436111989, 1e-7);
  // Blended channels divide by a ramp that is not a whole number: a few more units of rounding.
  ASSERT_NEAR(rope.inv_freq[35], 0.000172456625, 0.000172456625 * 1e-6);
  expect_close(rope.inv_freq[28], 0.00117273699, 28);
  expect_close(rope.inv_freq[42], 1.00401667e-05, 42);
  expect_close(rope.inv_freq[63], 6.36269917e-08, 63);
}

TEST(RopeTables, YarnScaleVariants) {
  TextConfig config = text_config();
  config.yarn = Yarn{.factor = 2.0,
                     .original_max_position_embeddings = 32768,
                     .attention_factor = {},
                     .mscale = 1.5,
                     .mscale_all_dim = 0.5};
  const TextRope rope = text_rope(config);
  EXPECT_NEAR(rope.scale, 1.066992920362652, 1e-7);
  expect_frequencies(rope,
                     {1.0, 0.185054719, 0.0342452489, 0.00633724453, 0.000899098348, 0.000115744268,
                      2.00803333e-05, 3.71596025e-06, 6.87656041e-07, 1.27253983e-07});
  config.yarn->mscale_all_dim = 0.0;
  EXPECT_NEAR(text_rope(config).scale, 0.1 * std::log(2.0) + 1.0, 1e-7);
  config.yarn->attention_factor = 1.25;
  EXPECT_EQ(text_rope(config).scale, 1.25F);
}

TEST(RopeTables, VisionFrequencies) {
  VisionConfig config;
  config.hidden_size = 1024;
  config.num_heads = 16;
  const std::vector<float> inv_freq = vision_inv_freq(config);
  ASSERT_EQ(inv_freq.size(), 16U);
  expect_close(inv_freq[1], 0.562341332, 1);
  expect_close(inv_freq[8], 0.00999999978, 8);
  expect_close(inv_freq[15], 0.00017782794, 15);
  config.hidden_size = 1152;
  EXPECT_EQ(vision_inv_freq(config).size(), 18U);
}

}  // namespace
}  // namespace monocle::qwen3_vl
