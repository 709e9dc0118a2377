// SPDX-License-Identifier: Apache-2.0
#include "engine/batch_builder.h"

#include <algorithm>

#include "base/check.h"

namespace monocle {

StepInputs BatchBuilder::build(const StepPlan& plan, const MediaRows& media) {
  token_ids_.clear();
  positions_.clear();
  media_row_.clear();
  slots_.clear();
  query_start_.assign(1, 0);
  context_.clear();
  block_table_.clear();
  sample_rows_.clear();
  hidden_rows_.clear();
  has_media_ = false;
  for (const Slice& slice : plan.slices) {
    append(slice);
  }
  append_positions(plan);
  if (!has_media_) {
    media_row_.clear();
  }
  return {.token_ids = token_ids_,
          .positions = positions_,
          .slots = slots_,
          .media_row = media_row_,
          .media = has_media_ ? &media : nullptr,
          .query_start = query_start_,
          .context = context_,
          .block_table = block_table_,
          .sample_rows = sample_rows_,
          .hidden_rows = hidden_rows_,
          .window = layout_.window,
          .sinks = layout_.sinks};
}

void BatchBuilder::append(const Slice& slice) {
  const Sequence& sequence = *slice.sequence;
  const std::int64_t end = slice.start + slice.count;
  const std::size_t first = token_ids_.size();
  const std::vector<std::int32_t>& table = sequence.kv.table;
  for (std::int64_t p = slice.start; p < end; ++p) {
    const auto index = static_cast<std::size_t>(p);
    const std::size_t known = sequence.tokens.size();
    token_ids_.push_back(index < known ? sequence.tokens[index] : sequence.draft[index - known]);
    media_row_.push_back(-1);
    const std::int32_t block = table[static_cast<std::size_t>(p / layout_.block_tokens)];
    slots_.push_back(std::int64_t{block} * layout_.block_tokens + p % layout_.block_tokens);
  }
  for (const MediaSpan& span : sequence.request.prompt.spans) {
    const std::int64_t row =
        sequence.media[static_cast<std::size_t>(span.item)].first_row + span.first_row;
    for (std::int64_t p = std::max(span.offset, slice.start);
         p < std::min(span.offset + span.count, end); ++p) {
      media_row_[first + static_cast<std::size_t>(p - slice.start)] =
          static_cast<std::int32_t>(row + p - span.offset);
      has_media_ = true;
    }
  }
  query_start_.push_back(static_cast<std::int32_t>(token_ids_.size()));
  context_.push_back(static_cast<std::int32_t>(end));
  MONOCLE_CHECK(std::ssize(table) <= layout_.max_blocks);
  block_table_.insert(block_table_.end(), table.begin(), table.end());
  block_table_.resize(context_.size() * static_cast<std::size_t>(layout_.max_blocks), -1);
  for (std::int32_t behind = slice.samples; behind > 0; --behind) {
    sample_rows_.push_back(static_cast<std::int32_t>(token_ids_.size()) - behind);
  }
  if (slice.embeds) {
    hidden_rows_.push_back(static_cast<std::int32_t>(token_ids_.size()) - 1);
  }
}

// [3, T]: the axes are planes, so they can only be laid out once T is known.
void BatchBuilder::append_positions(const StepPlan& plan) {
  for (std::size_t axis = 0; axis < 3; ++axis) {
    for (const Slice& slice : plan.slices) {
      const Prompt& prompt = slice.sequence->request.prompt;
      const std::size_t n = prompt.token_ids.size();
      for (std::int64_t p = slice.start; p < slice.start + slice.count; ++p) {
        const auto index = static_cast<std::size_t>(p);
        positions_.push_back(index < n ? prompt.positions[axis * n + index]
                                       : static_cast<std::int32_t>(p) + prompt.position_delta);
      }
    }
  }
}

}  // namespace monocle
