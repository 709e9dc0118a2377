// SPDX-License-Identifier: Apache-2.0
// Turns a StepPlan into the flat arrays a model reads. Reuses its vectors: no allocation once warm.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/scheduler.h"
#include "model/model.h"

namespace monocle {

class BatchBuilder {
 public:
  struct Layout {
    std::int32_t block_tokens = 16;
    std::int32_t max_blocks = 0;  // of one sequence
    std::int32_t window = 0;
    std::int32_t sinks = 0;
  };
  explicit BatchBuilder(const Layout& layout) : layout_(layout) {}

  // The result points into this builder and is valid until the next build.
  StepInputs build(const StepPlan& plan, const MediaRows& media);

 private:
  void append(const Slice& slice);
  void append_positions(const StepPlan& plan);

  Layout layout_;
  bool has_media_ = false;
  std::vector<std::int32_t> token_ids_, positions_, media_row_, query_start_, context_,
      block_table_, sample_rows_, hidden_rows_;
  std::vector<std::int64_t> slots_;
};

}  // namespace monocle
