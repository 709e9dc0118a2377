// SPDX-License-Identifier: Apache-2.0
#include "cuda/pending_samples.h"

#include "base/check.h"
#include "cuda/check.h"

namespace monocle::cuda {
namespace {

bool is_greedy(const SampleRow& row) {
  return row.temperature == 0.0F && row.seen.empty() && row.bias.empty() &&
         row.allowed == nullptr && row.top_logprobs == 0;
}

}  // namespace

void PendingSamples::enqueue(const Launch& launch, const SampleArgs& args) {
  rows_.clear();
  for (std::size_t i = 0; i < args.rows.size(); ++i) {
    if (is_greedy(args.rows[i])) {
      rows_.push_back(static_cast<std::int32_t>(i));
    }
  }
  if (!rows_.empty()) {
    auto* results = static_cast<Greedy*>(results_.take(rows_.size() * sizeof(Greedy)));
    MONOCLE_CHECK(results != nullptr);
    sample_greedy(launch, args, rows_.data(), static_cast<std::int32_t>(rows_.size()), results);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      greedy_.push_back({results + i, &args.out[static_cast<std::size_t>(rows_[i])]});
    }
  }
  for (std::size_t i = 0; i < args.rows.size(); ++i) {
    if (is_greedy(args.rows[i])) {
      continue;
    }
    DrawnRow& drawn = drawn_.emplace_back(DrawnRow{
        std::vector<float>(static_cast<std::size_t>(args.vocab)), args.rows[i], &args.out[i]});
    MONOCLE_CUDA_CHECK(cudaMemcpyAsync(
        drawn.logits.data(), args.logits.row<float>(static_cast<std::int64_t>(i)),
        drawn.logits.size() * sizeof(float), cudaMemcpyDeviceToHost, launch.stream));
  }
}

void PendingSamples::finish() {
  for (const GreedyRow& row : greedy_) {
    *row.to = {};
    row.to->id = row.from->id;
    row.to->logprob = row.from->logprob;
  }
  for (const DrawnRow& row : drawn_) {
    *row.to = sampler_.sample(row.logits, row.row);
  }
  greedy_.clear();
  drawn_.clear();
  results_.reset();
}

}  // namespace monocle::cuda
