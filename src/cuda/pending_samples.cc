// SPDX-License-Identifier: Apache-2.0
#include "cuda/pending_samples.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "cuda/check.h"

namespace monocle::cuda {
namespace {

bool penalised(const SampleRow& row) {
  return !row.seen.empty() && (row.repetition_penalty != 1.0F || row.presence_penalty != 0.0F ||
                               row.frequency_penalty != 0.0F);
}

bool is_greedy(const SampleRow& row) {
  return row.temperature == 0.0F && !penalised(row) && row.bias.empty() && row.allowed == nullptr &&
         row.top_logprobs == 0;
}

// Threads of the device take an entry each.
template <class Entry>
bool rising(std::span<const Entry> entries) {
  return std::ranges::adjacent_find(
             entries, [](const Entry& a, const Entry& b) { return a.id >= b.id; }) == entries.end();
}

// Null when the ring is full.
template <class T>
const T* put(HostRing& ring, const T* from, std::size_t count) {
  void* to = ring.take(count * sizeof(T));
  if (to != nullptr) {
    std::memcpy(to, from, count * sizeof(T));
  }
  return static_cast<const T*>(to);
}

}  // namespace

void PendingSamples::enqueue(const Launch& launch, const SampleArgs& args) {
  enqueue_greedy(launch, args);
  enqueue_drawn(launch, args);
}

void PendingSamples::enqueue_greedy(const Launch& launch, const SampleArgs& args) {
  rows_.clear();
  for (std::size_t i = 0; i < args.rows.size(); ++i) {
    if (is_greedy(args.rows[i])) {
      rows_.push_back(static_cast<std::int32_t>(i));
    }
  }
  if (rows_.empty()) {
    return;
  }
  auto* results = static_cast<Greedy*>(results_.take(rows_.size() * sizeof(Greedy)));
  MONOCLE_CHECK(results != nullptr);
  sample_greedy(launch, args, rows_.data(), static_cast<std::int32_t>(rows_.size()), results);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    greedy_.push_back({results + i, &args.out[static_cast<std::size_t>(rows_[i])]});
  }
}

void PendingSamples::enqueue_drawn(const Launch& launch, const SampleArgs& args) {
  const std::size_t count = args.rows.size() - rows_.size();
  if (count == 0) {
    return;
  }
  auto* device_rows = static_cast<DrawRow*>(inputs_.take(count * sizeof(DrawRow)));
  auto* results = static_cast<SampledToken*>(results_.take(count * sizeof(SampledToken)));
  std::int32_t packed = 0;
  for (std::size_t i = 0; i < args.rows.size(); ++i) {
    if (is_greedy(args.rows[i])) {
      continue;
    }
    std::optional<DrawRow> row;
    if (device_rows != nullptr && results != nullptr) {
      row = pack(args, i);
    }
    if (!row) {
      enqueue_on_host(launch, args, i);
      continue;
    }
    row->out = results + packed;
    device_rows[packed++] = *row;
    drawn_.push_back({row->out, &args.out[i]});
  }
  if (packed > 0) {
    sample_rows(launch, args, device_rows, packed);
  }
}

// None: the row must be drawn on the host.
std::optional<DrawRow> PendingSamples::pack(const SampleArgs& args, std::size_t index) {
  const SampleRow& row = args.rows[index];
  DrawRow out{.row = static_cast<std::int32_t>(index),
              .top_k = row.top_k,
              .top_p = fraction_of(row.top_p),
              .least = least_mass(row.min_p),
              .bits = uniform_bits(row.seed, row.step),
              .scale = row.temperature > 0.0F ? distance_scale(row.temperature) : 0.0F,
              .repetition = row.repetition_penalty,
              .presence = row.presence_penalty,
              .frequency = row.frequency_penalty,
              .top_logprobs = row.top_logprobs};
  if (penalised(row)) {
    out.seen = rising(row.seen) ? put(inputs_, row.seen.data(), row.seen.size()) : nullptr;
    out.seen_count = static_cast<std::int32_t>(row.seen.size());
    if (out.seen == nullptr) {
      return std::nullopt;
    }
  }
  if (!row.bias.empty()) {
    out.bias = rising(row.bias) ? put(inputs_, row.bias.data(), row.bias.size()) : nullptr;
    out.bias_count = static_cast<std::int32_t>(row.bias.size());
    if (out.bias == nullptr) {
      return std::nullopt;
    }
  }
  if (row.allowed != nullptr) {
    out.allowed = put(inputs_, row.allowed, (static_cast<std::size_t>(args.vocab) + 31) / 32);
    if (out.allowed == nullptr) {
      return std::nullopt;
    }
  }
  return out;
}

void PendingSamples::enqueue_on_host(const Launch& launch, const SampleArgs& args,
                                     std::size_t row) {
  if (on_host_.size() == host_logits_.size()) {
    host_logits_.emplace_back();
  }
  std::vector<float>& logits = host_logits_[on_host_.size()];
  logits.resize(static_cast<std::size_t>(args.vocab));
  MONOCLE_CUDA_CHECK(
      cudaMemcpyAsync(logits.data(), args.logits.row<float>(static_cast<std::int64_t>(row)),
                      logits.size() * sizeof(float), cudaMemcpyDeviceToHost, launch.stream));
  on_host_.push_back({on_host_.size(), args.rows[row], &args.out[row]});
}

void PendingSamples::finish() {
  for (const GreedyRow& row : greedy_) {
    *row.to = {};
    row.to->id = row.from->id;
    row.to->logprob = row.from->logprob;
  }
  for (const DeviceRow& row : drawn_) {
    row.to->id = row.from->id;
    row.to->logprob = row.from->logprob;
    row.to->top_count = row.from->top_count;
    std::copy_n(row.from->top.begin(), row.from->top_count, row.to->top.begin());
  }
  for (const HostRow& row : on_host_) {
    *row.to = sampler_.sample(host_logits_[row.logits], row.row);
  }
  greedy_.clear();
  drawn_.clear();
  on_host_.clear();
  results_.reset();
  inputs_.reset();
}

}  // namespace monocle::cuda
