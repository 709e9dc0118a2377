// SPDX-License-Identifier: Apache-2.0
// Decides what the next step computes. Pure: it sees host integers, a ledger of blocks and a media
// pool, never a device, so thousands of steps can be simulated in a test.
//
// Order is by priority, then arrival. A request is admitted when there is room for its prompt and
// its pictures; its answer takes blocks as it grows. When none is left, the sequence that is last
// in order gives its blocks back, waits, and is computed again later: the text is the same, because
// a draw depends on (seed, step) only. The first in order always gets on, so everything ends.
//
// In a step, decode rows go first (one token each, and somebody is watching them), prompts share
// what is left of the token budget, in chunks. With two tokens more per step than sequences, how a
// prompt is cut never shows in its keys and values.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "engine/kv_ledger.h"
#include "engine/media_pool.h"
#include "engine/sequence.h"

namespace monocle {

struct SchedulerLimits {
  std::int64_t step_tokens = 512;     // token budget of a step, at least one per sequence
  std::int32_t sequences = 1;         // in one step, and admitted while not paused
  std::int64_t context_tokens = 0;    // longest prompt + output
  std::int32_t queue = 256;           // requests that may wait besides `sequences` running ones
  std::int32_t merge = 2;             // patches per media token and axis
  std::int64_t media_patches = 1024;  // encoded in one step; a larger picture goes alone
  std::int32_t draft_tokens = 0;      // guesses per sequence and step
  std::int32_t draft_rows = 0;        // guesses of all sequences in one step
};

// Tokens [start, start + count) of a sequence. The last `samples` of them yield a new token each:
// 0, or 1 + the number of guesses at the end of the slice.
struct Slice {
  Sequence* sequence = nullptr;
  std::int64_t start = 0;
  std::int64_t count = 0;
  std::int32_t samples = 0;
  bool embeds = false;  // it ends a prompt whose last state is the result
};

struct MediaJob {
  Sequence* sequence = nullptr;
  std::int32_t item = 0;
};

struct StepPlan {
  std::vector<MediaJob> media;  // to encode before the slices run
  std::vector<Slice> slices;
  [[nodiscard]] bool empty() const { return slices.empty(); }
  void drop(const Sequence* sequence);
  // Takes out the slices that read this entry of the media pool: it is not complete yet.
  void postpone(std::int32_t media_entry);
};

struct SchedulerCounts {
  std::int64_t preemptions = 0;
  std::int64_t prefix_query_tokens = 0;
  std::int64_t prefix_hit_tokens = 0;
  std::int64_t media_queries = 0;
  std::int64_t media_hits = 0;
};

class Scheduler {
 public:
  Scheduler(const SchedulerLimits& limits, KvLedger& kv, MediaPool& media)
      : limits_(limits), kv_(kv), media_(media) {}

  // kTooLarge: can never run, with the limit it breaks. Sets the sequence's target. Reads nothing
  // that changes: any thread may call it.
  Status check(Sequence& sequence) const;
  // Takes a checked sequence. kQueueFull: try later.
  Status submit(std::unique_ptr<Sequence> sequence);

  // Fills `plan` with the next step; empty when there is nothing to do. Cancelled and paused
  // sequences are not planned.
  void plan(StepPlan& plan);
  // The sequence's `computed` has grown.
  void advance(Sequence& sequence);
  // Removes a finished or cancelled sequence, gives back its blocks and media, and returns it.
  std::unique_ptr<Sequence> remove(Sequence* sequence);

  [[nodiscard]] Sequence* find(RequestId id) const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] std::size_t running() const { return running_.size(); }
  [[nodiscard]] const SchedulerCounts& counts() const { return counts_; }
  // Every sequence, waiting or running.
  void for_each(FunctionRef<void(Sequence&)> visit) const;

 private:
  using Queue = std::vector<std::unique_ptr<Sequence>>;

  void admit(StepPlan& plan);
  [[nodiscard]] Sequence* next_waiting() const;
  bool start(Sequence& sequence);
  bool pin_media(Sequence& sequence);
  void unpin_media(Sequence& sequence, std::int64_t computed);

  void plan_decode(Sequence& sequence, std::int64_t& budget, StepPlan& plan);
  static std::int64_t cut(const Sequence& sequence, std::int64_t end);
  void plan_prefill(Sequence& sequence, std::int64_t budget, StepPlan& plan);
  std::int64_t plan_media(Sequence& sequence, std::int64_t end, StepPlan& plan);
  void propose(Sequence& sequence, std::int64_t budget);

  bool make_room(Sequence& sequence, std::int64_t end, StepPlan& plan);
  Sequence* victim() const;
  void preempt(Sequence& sequence, StepPlan& plan);
  static void move_sequence(Sequence& sequence, Queue& from, Queue& to);

  SchedulerLimits limits_;
  KvLedger& kv_;
  MediaPool& media_;
  Queue waiting_;  // both in order
  Queue running_;
  std::vector<Sequence*> order_;    // of the step being planned
  std::int64_t media_patches_ = 0;  // planned for this step
  std::int32_t draft_rows_ = 0;
  SchedulerCounts counts_;
};

}  // namespace monocle
