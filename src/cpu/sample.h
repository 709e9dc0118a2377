// SPDX-License-Identifier: Apache-2.0
// The verb sample on the CPU: rows in parallel. What a row means is ops/sampling.h's; only the
// common case, greedy without penalties, bias, mask or alternatives, has its own vector passes.
// Owned by the backend: each worker's sampler keeps its memory, so a warm step does not allocate.
// One thread.
#pragma once

#include <vector>

#include "cpu/context.h"
#include "ops/sampling.h"

namespace monocle::cpu {

class RowSampler {
 public:
  explicit RowSampler(int workers) : samplers_(static_cast<std::size_t>(workers)) {}
  void sample(Context& context, const SampleArgs& args);

 private:
  std::vector<Sampler> samplers_;
};

}  // namespace monocle::cpu
