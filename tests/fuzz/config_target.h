// SPDX-License-Identifier: Apache-2.0
// What the fuzzers of config.json and generation_config.json do with one text: an accepted
// configuration must be one that the loader can plan with, within the stated limits.
#pragma once

#include <cmath>

#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/generation_config.h"
#include "model/qwen3_vl/rope_tables.h"
#include "model/qwen3_vl/tensor_list.h"
#include "store/json_text.h"
#include "store_target.h"

namespace monocle::fuzz {

inline void check_model_config(std::string_view text) {
  const auto config = qwen3_vl::parse_config(text);
  if (!config) {
    check_refusal(config.error());
    return;
  }
  MONOCLE_CHECK(qwen3_vl::parameter_count(*config) <= 200'000'000'000);
  for (const qwen3_vl::TensorSpec& tensor : qwen3_vl::tensor_list(*config)) {
    MONOCLE_CHECK(tensor.elements() > 0);
  }
  const qwen3_vl::TextRope rope = qwen3_vl::text_rope(config->text);
  MONOCLE_CHECK(rope.inv_freq.size() == static_cast<std::size_t>(config->text.head_dim / 2) &&
                std::isfinite(rope.scale));
  for (const float frequency : rope.inv_freq) {
    MONOCLE_CHECK(std::isfinite(frequency) && frequency > 0.0F);
  }
  for (const float frequency : qwen3_vl::vision_inv_freq(config->vision)) {
    MONOCLE_CHECK(std::isfinite(frequency) && frequency > 0.0F);
  }
  MONOCLE_CHECK(qwen3_vl::kv_bytes_per_token(config->text, DType::kF32) > 0);
}

inline void check_generation_config(std::string_view text) {
  const auto config = qwen3_vl::parse_generation_config(text, 151936);
  if (!config) {
    check_refusal(config.error());
    return;
  }
  MONOCLE_CHECK(config->temperature >= 0.0F && config->top_p >= 0.0F && config->top_p <= 1.0F &&
                config->top_k >= 0);
  for (const std::int32_t token : config->eos_token_ids) {
    MONOCLE_CHECK(token >= 0 && token < 151936);
  }
}

inline void check_config(std::span<const std::byte> bytes) {
  check_model_config(as_text(bytes));
  check_generation_config(as_text(bytes));
}

}  // namespace monocle::fuzz
