// SPDX-License-Identifier: Apache-2.0
#include "service/speed.h"

namespace monocle::service {
namespace {

constexpr double kNewShare = 0.2;  // of the latest request in the average

void blend(double& average, double time_ms, std::int64_t tokens) {
  if (tokens <= 0 || time_ms <= 0) {
    return;
  }
  const double rate = time_ms / static_cast<double>(tokens);
  average = average == 0 ? rate : average + kNewShare * (rate - average);
}

}  // namespace

void Speed::note(const RequestUsage& usage, const RequestTiming& timing) {
  const std::lock_guard lock(mutex_);
  blend(rates_.vision_ms_per_token, timing.vision_ms, usage.media_tokens);
  blend(rates_.prefill_ms_per_token, timing.prefill_ms, usage.prompt_tokens - usage.cached_tokens);
  // The first token is prefill's.
  blend(rates_.decode_ms_per_token, timing.decode_ms, usage.completion_tokens - 1);
}

Rates Speed::rates() const {
  const std::lock_guard lock(mutex_);
  return rates_;
}

}  // namespace monocle::service
