// SPDX-License-Identifier: Apache-2.0
// Decides what the next step computes. Pure: it sees host integers, a block pool and a media pool,
// never a device, so thousands of steps can be simulated in a test. Decode rows go first (they are
// one token each and somebody is watching them), prompts share what is left of the token budget in
// order of arrival, in chunks.
//
// Admission reserves blocks for the whole request (prompt and max_tokens): what is admitted always
// finishes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "engine/block_pool.h"
#include "engine/media_pool.h"
#include "engine/sequence.h"

namespace monocle {

struct SchedulerLimits {
  std::int64_t step_tokens = 512;   // token budget of a step
  std::int32_t sequences = 1;       // running at once
  std::int64_t context_tokens = 0;  // longest prompt + output
  std::int32_t block_tokens = 16;
  std::int32_t queue = 256;  // requests that may wait besides `sequences` running ones
  std::int32_t merge = 2;    // patches per media token and axis
};

// Tokens [start, start + count) of a sequence. samples: the last of them yields a new token.
struct Slice {
  Sequence* sequence = nullptr;
  std::int64_t start = 0;
  std::int64_t count = 0;
  bool samples = false;
};

struct MediaJob {
  Sequence* sequence = nullptr;
  std::int32_t item = 0;
};

struct StepPlan {
  std::vector<MediaJob> media;  // to encode before the slices run
  std::vector<Slice> slices;
  [[nodiscard]] bool empty() const { return slices.empty(); }
};

class Scheduler {
 public:
  Scheduler(const SchedulerLimits& limits, BlockPool& blocks, MediaPool& media)
      : limits_(limits), blocks_(blocks), media_(media) {}

  // kTooLarge: can never run, with the limit it breaks. Sets the sequence's target. Reads nothing
  // that changes: any thread may call it.
  Status check(Sequence& sequence) const;
  // Takes a checked sequence. kQueueFull: try later.
  Status submit(std::unique_ptr<Sequence> sequence);

  // Fills `plan` with the next step; empty when there is nothing to do. Cancelled sequences are not
  // planned.
  void plan(StepPlan& plan);

  // Removes a finished or cancelled sequence, gives back its blocks and media, and returns it.
  std::unique_ptr<Sequence> remove(Sequence* sequence);

  [[nodiscard]] Sequence* find(RequestId id) const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  // Every sequence, waiting or running.
  void for_each(FunctionRef<void(Sequence&)> visit) const;
  // Cancelled sequences that are still queued or running.
  void collect_cancelled(std::vector<Sequence*>& out) const;

 private:
  void admit();
  bool reserve(Sequence& sequence);
  void add_slice(Sequence& sequence, std::int64_t budget, StepPlan& plan);
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + limits_.block_tokens - 1) / limits_.block_tokens;
  }

  SchedulerLimits limits_;
  BlockPool& blocks_;
  MediaPool& media_;
  std::deque<std::unique_ptr<Sequence>> waiting_;
  std::vector<std::unique_ptr<Sequence>> running_;  // in order of admission
};

}  // namespace monocle
