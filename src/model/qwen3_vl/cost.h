// SPDX-License-Identifier: Apache-2.0
// What a step must compute and move at least, from the configuration alone: the numerators of every
// rate we print. One multiply-add counts as two operations. Norms, softmax and activations are left
// out: they are below one percent.
#pragma once

#include <cstdint>

#include "model/qwen3_vl/config.h"
#include "monocle/media.h"

namespace monocle::qwen3_vl {

// `tokens` new tokens behind `past` cached ones, one of them sampled.
double prefill_flops(const TextConfig& config, std::int64_t tokens, std::int64_t past);

// The vision tower, the mergers and DeepStack mergers over one grid.
double vision_flops(const VisionConfig& config, const GridThw& grid);

// Keys and values that one decoded token reads at a depth of `past` tokens.
double kv_read_bytes(const TextConfig& config, std::int64_t past, DType kv);

}  // namespace monocle::qwen3_vl
