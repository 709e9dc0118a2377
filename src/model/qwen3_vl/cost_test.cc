// SPDX-License-Identifier: Apache-2.0
// Against the published figures of the 2B shape.
#include "model/qwen3_vl/cost.h"

#include <gtest/gtest.h>

#include "model/qwen3_vl/random_weights.h"

namespace monocle::qwen3_vl {
namespace {

TEST(Cost, TextOfThe2bShape) {
  const Config config = *preset_config("2b");
  // 2.819 GF of linears a token, 0.622 GF for the head once, 229,376 F per token and key.
  EXPECT_NEAR(prefill_flops(config.text, 1, 0), 2.819e9 + 0.622e9 + 229376, 0.001e9);
  EXPECT_NEAR(prefill_flops(config.text, 1, 999) - prefill_flops(config.text, 1, 0), 229376.0 * 999,
              1);
  // The last layer's MLP, 3 x 2048 x 6144 weights, for the sampled token only.
  EXPECT_NEAR(prefill_flops(config.text, 512, 0),
              512 * 2.819e9 - 511 * 75.5e6 + 0.622e9 + 229376.0 * 512 * 513 / 2, 1e9);
  EXPECT_DOUBLE_EQ(kv_read_bytes(config.text, 10, DType::kBF16), 114688.0 * 10);
  EXPECT_DOUBLE_EQ(kv_read_bytes(config.text, 10, DType::kI8), 28.0 * 2 * 8 * (128 + 4) * 10);
}

TEST(Cost, VisionOfThe2bShape) {
  const Config config = *preset_config("2b");
  const double flops = vision_flops(config.vision, {1, 64, 64});
  EXPECT_NEAR(flops, 2.69e12 + 1.65e12, 0.02e12);
  // Two frame groups cost twice one: they do not see each other.
  EXPECT_DOUBLE_EQ(vision_flops(config.vision, {2, 64, 64}), 2 * flops);
}

}  // namespace
}  // namespace monocle::qwen3_vl
