// SPDX-License-Identifier: Apache-2.0
// generation_config.json: how the publisher wants the model sampled. A key that is absent leaves
// its step of the sampler switched off; unlike the sizes of the model, these are defaults that
// every request may override.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monocle::qwen3_vl {

struct GenerationConfig {
  bool do_sample = false;  // false: greedy, whatever the other fields say
  float temperature = 1.0F;
  std::int32_t top_k = 0;                   // 0: off
  float top_p = 1.0F;                       // 1: off
  float min_p = 0.0F;                       // 0: off
  float repetition_penalty = 1.0F;          // 1: off
  std::vector<std::int32_t> eos_token_ids;  // any of them ends the text
  std::optional<std::int32_t> pad_token_id;
};

// vocab_size bounds the token ids.
Result<GenerationConfig> parse_generation_config(std::string_view json, std::int32_t vocab_size);

}  // namespace monocle::qwen3_vl
