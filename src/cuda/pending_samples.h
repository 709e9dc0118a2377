// SPDX-License-Identifier: Apache-2.0
// Sampling in two halves: enqueue() starts it on the device, finish() fills the caller's results
// once the device is done. Greedy rows are chosen on the device; the others' logits are copied to
// the host and drawn there, as the host backends do.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "cuda/host_ring.h"
#include "cuda/kernels/kernels.h"
#include "ops/sampling.h"

namespace monocle::cuda {

class PendingSamples {
 public:
  explicit PendingSamples(HostRing results) : results_(std::move(results)) {}
  void enqueue(const Launch& launch, const SampleArgs& args);
  // Everything enqueued has been executed.
  void finish();

 private:
  struct GreedyRow {
    const Greedy* from;
    SampledToken* to;
  };
  struct DrawnRow {
    std::vector<float> logits;
    SampleRow row;
    SampledToken* to;
  };
  HostRing results_;
  std::vector<GreedyRow> greedy_;
  std::vector<DrawnRow> drawn_;
  std::vector<std::int32_t> rows_;
  Sampler sampler_;
};

}  // namespace monocle::cuda
