// SPDX-License-Identifier: Apache-2.0
// Sampling in two halves: enqueue() starts it on the device, finish() fills the caller's results
// once the device is done. What does not fit (a bias that names a token twice, lists for which the
// pinned memory is too small) is copied to the host and drawn there, with the same result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "cuda/host_ring.h"
#include "cuda/kernels/kernels.h"
#include "ops/sampling.h"

namespace monocle::cuda {

class PendingSamples {
 public:
  // Both are pinned: what the device writes, and the rows' parameters, masks and lists it reads.
  PendingSamples(HostRing results, HostRing inputs)
      : results_(std::move(results)), inputs_(std::move(inputs)) {}
  void enqueue(const Launch& launch, const SampleArgs& args);
  // Everything enqueued has been executed.
  void finish();

 private:
  struct GreedyRow {
    const Greedy* from;
    SampledToken* to;
  };
  struct DeviceRow {
    const SampledToken* from;
    SampledToken* to;
  };
  struct HostRow {
    std::size_t logits;  // among host_logits_
    SampleRow row;
    SampledToken* to;
  };
  void enqueue_greedy(const Launch& launch, const SampleArgs& args);
  void enqueue_drawn(const Launch& launch, const SampleArgs& args);
  void enqueue_on_host(const Launch& launch, const SampleArgs& args, std::size_t row);
  std::optional<DrawRow> pack(const SampleArgs& args, std::size_t row);

  HostRing results_;
  HostRing inputs_;
  std::vector<GreedyRow> greedy_;
  std::vector<DeviceRow> drawn_;
  std::vector<HostRow> on_host_;
  std::vector<std::vector<float>> host_logits_;  // kept from step to step
  std::vector<std::int32_t> rows_;
  Sampler sampler_;
};

}  // namespace monocle::cuda
