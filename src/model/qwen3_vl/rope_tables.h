// SPDX-License-Identifier: Apache-2.0
// Rotary frequencies of the decoder (with YaRN) and of the vision tower, in float32 as the
// reference computes them.
#pragma once

#include <cstdint>
#include <vector>

#include "model/qwen3_vl/config.h"

namespace monocle::qwen3_vl {

struct TextRope {
  std::vector<float> inv_freq;  // [head_dim / 2]
  std::vector<std::uint8_t>
      axis;            // [head_dim / 2] which coordinate turns the channel: 0 = t, 1 = h, 2 = w
  float scale = 1.0F;  // multiplies cos and sin
};

// Channel k takes h when k % 3 == 1 and k < 3 section[1], w when k % 3 == 2 and k < 3 section[2],
// else t.
TextRope text_rope(const TextConfig& config);

// [head_dim / 4]: theta^(-2k / (head_dim / 2))
std::vector<float> vision_inv_freq(const VisionConfig& config);

}  // namespace monocle::qwen3_vl
