// SPDX-License-Identifier: Apache-2.0
// A request's wishes over the model's defaults.
#pragma once

#include "api/types.h"
#include "model/qwen3_vl/generation_config.h"
#include "monocle/request.h"

namespace monocle::service {

// A request without a seed gets a random one.
SamplingParams resolve_sampling(const api::Generation& wishes,
                                const qwen3_vl::GenerationConfig& defaults);

// The seed of choice `index` of a request: choices differ, and repeat with the request's seed.
std::uint64_t choice_seed(std::uint64_t seed, std::int32_t index);

}  // namespace monocle::service
