// SPDX-License-Identifier: Apache-2.0
#include "service/sampling.h"

#include <random>

namespace monocle::service {
namespace {

std::uint64_t random_seed() {
  thread_local std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

SamplingParams resolve_sampling(const api::Generation& wishes,
                                const qwen3_vl::GenerationConfig& defaults) {
  SamplingParams params;
  params.temperature =
      wishes.temperature.value_or(defaults.do_sample ? defaults.temperature : 0.0F);
  params.top_k = wishes.top_k.value_or(defaults.top_k);
  params.top_p = wishes.top_p.value_or(defaults.top_p);
  params.min_p = wishes.min_p.value_or(defaults.min_p);
  params.repetition_penalty = wishes.repetition_penalty.value_or(defaults.repetition_penalty);
  params.presence_penalty = wishes.presence_penalty.value_or(0.0F);
  params.frequency_penalty = wishes.frequency_penalty.value_or(0.0F);
  params.seed = wishes.seed ? *wishes.seed : random_seed();
  params.top_logprobs = wishes.top_logprobs;
  for (const auto& [token_id, bias] : wishes.logit_bias) {
    params.logit_bias.push_back({token_id, bias});
  }
  return params;
}

std::uint64_t choice_seed(std::uint64_t seed, std::int32_t index) {
  // The odd constant of Weyl sequences spreads neighbouring numbers.
  return seed + static_cast<std::uint64_t>(index) * 0x9E3779B97F4A7C15U;
}

}  // namespace monocle::service
