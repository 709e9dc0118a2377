// SPDX-License-Identifier: Apache-2.0
// The sampling flags. What is not given comes from the checkpoint's generation_config.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flags.h"
#include "model/qwen3_vl/generation_config.h"
#include "monocle/request.h"

namespace monocle::app {

struct SamplingOptions {
  std::optional<float> temperature, top_p, min_p, repetition_penalty, presence_penalty,
      frequency_penalty;
  std::optional<std::int32_t> top_k;
  std::uint64_t seed = 0;
  std::int32_t logprobs = 0;
  std::vector<std::string> logit_bias;  // ID:VALUE

  void add(Flags& app);
  [[nodiscard]] Result<SamplingParams> resolve(const qwen3_vl::GenerationConfig& defaults) const;
};

}  // namespace monocle::app
