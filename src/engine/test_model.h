// SPDX-License-Identifier: Apache-2.0
// A fake model for the tests of this room: its next token is a function of the whole history it can
// see in its "KV cache". Any mistake in slots, block tables, chunking or positions changes the
// text.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "model/model.h"
#include "monocle/request.h"

namespace monocle::test {

inline constexpr std::int32_t kVocab = 97;
inline constexpr std::int32_t kStopToken = 3;

// Stores each token's id, position and media row in layer 0's key slot and answers with a hash over
// all keys that the block table shows.
class FakeModel final : public Model {
 public:
  FakeModel() {
    facts_.vocab = kVocab;
    facts_.hidden = 1;
    facts_.layers = 1;
    facts_.kv_heads = 1;
    facts_.head_dim = 1;
    facts_.deepstack_levels = 1;
    facts_.vision_layers = 4;
    facts_.max_positions = 4096;
  }
  const ModelFacts& facts() const override { return facts_; }
  Status plan(const PlanLimits& limits) override {
    max_blocks_ = limits.blocks_per_sequence;
    max_step_ = limits.step_tokens;
    return {};
  }
  std::size_t workspace_bytes() const override { return 0; }

  Status encode_layers(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                       LayerRange layers, const TraceSink*) override {
    ++encodes;
    if (patches.values[0][0] < 0) {
      return fail(ErrorCode::kInternal, "the tower does not like this picture");
    }
    const std::int64_t count = patches.grid.tokens(2);
    EXPECT_LT(layers.begin, layers.end);
    if (layers.begin > 0) {
      EXPECT_EQ(layers.begin, layers_run_) << "layers left out";
      EXPECT_EQ(&patches, in_tower_) << "another picture's layers came in between";
    }
    in_tower_ = &patches;
    layers_run_ = layers.end;
    if (layers.end < facts_.vision_layers) {
      return {};
    }
    for (std::int32_t level = 0; level < 2; ++level) {
      const TensorView rows = pool.level(level).slice_rows(first_row, count);
      for (std::int64_t r = 0; r < count; ++r) {
        rows.row<float>(r)[0] = patches.values[0][0] + static_cast<float>(r * 10 + level);
      }
    }
    return {};
  }

  void forward(const StepInputs& step, std::span<const KvView> kv, const StepOutputs& out,
               const TraceSink*) override {
    const auto tokens = static_cast<std::int64_t>(step.token_ids.size());
    EXPECT_LE(tokens, max_step_);
    auto* keys = static_cast<float*>(kv[0].k);
    tokens_run += tokens;
    for (std::int64_t t = 0; t < tokens; ++t) {
      const auto i = static_cast<std::size_t>(t);
      float value = static_cast<float>(step.token_ids[i]);
      for (std::size_t axis = 0; axis < 3 && !rambles; ++axis) {
        value = value * 1.7F +
                static_cast<float>(step.positions[axis * step.token_ids.size() + i]) * 0.3F;
      }
      const std::int32_t row = step.media_row.empty() ? -1 : step.media_row[i];
      if (row >= 0) {
        value +=
            step.media->level(0).row<float>(row)[0] + 2 * step.media->level(1).row<float>(row)[0];
      }
      keys[step.slots[i]] = value;
    }
    std::size_t sample = 0;
    std::size_t embed = 0;
    for (std::size_t b = 0; b < step.context.size(); ++b) {
      while (sample < step.sample_rows.size() &&
             step.sample_rows[sample] < step.query_start[b + 1]) {
        const std::int32_t behind = step.query_start[b + 1] - 1 - step.sample_rows[sample];
        answer(step, kv[0], b, step.context[b] - behind,
               out.logits.row<float>(static_cast<std::int64_t>(sample++)));
      }
      const std::int32_t last = step.query_start[b + 1] - 1;
      if (embed < step.hidden_rows.size() && step.hidden_rows[embed] == last) {
        const auto state = static_cast<float>(recall(step, kv[0], b, step.context[b]));
        out.hidden.row<float>(static_cast<std::int64_t>(embed++))[0] = state;
      }
    }
    EXPECT_EQ(sample, step.sample_rows.size());
    EXPECT_EQ(embed, step.hidden_rows.size());
  }

  int encodes = 0;
  std::int64_t tokens_run = 0;
  bool break_logits = false;
  bool rambles = false;         // only the last two tokens matter, wherever they stand
  std::int64_t words = kVocab;  // different tokens in answers

 private:
  // What the first `context` tokens of sequence b leave in the mind.
  double recall(const StepInputs& step, const KvView& kv, std::size_t b,
                std::int64_t context) const {
    const auto* keys = static_cast<const float*>(kv.k);
    double sum = 0;
    for (std::int64_t p = rambles ? std::max<std::int64_t>(0, context - 2) : 0; p < context; ++p) {
      if (step.window > 0 && p <= context - 1 - step.window && p >= step.sinks) {
        continue;
      }
      const auto at =
          b * static_cast<std::size_t>(max_blocks_) + static_cast<std::size_t>(p / kv.block_tokens);
      const std::int64_t block = step.block_table[at];
      EXPECT_TRUE(block >= 0 && block < kv.blocks) << "a block that is still seen was given back";
      sum = sum * 0.75 + static_cast<double>(keys[block * kv.block_tokens + p % kv.block_tokens]);
    }
    return sum;
  }

  // The token after the first `context` ones of sequence b.
  void answer(const StepInputs& step, const KvView& kv, std::size_t b, std::int64_t context,
              float* logits) const {
    const double sum = recall(step, kv, b, context);
    std::fill_n(logits, kVocab, 0.0F);
    const std::int64_t seen = static_cast<std::int64_t>(std::fabs(sum) * 13.0);
    if (break_logits) {
      std::fill_n(logits, kVocab, std::numeric_limits<float>::quiet_NaN());
      return;
    }
    logits[seen % words] = 9.0F;
    logits[(seen / 7 + 1) % words] += 8.5F;  // a close second, for draws
  }

  ModelFacts facts_;
  const Patches* in_tower_ = nullptr;
  std::int32_t layers_run_ = 0;
  std::int64_t max_blocks_ = 0;
  std::int64_t max_step_ = 0;
};

inline Request text(std::vector<std::int32_t> ids, std::int32_t max_tokens) {
  Request request;
  const auto n = static_cast<std::int32_t>(ids.size());
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int32_t p = 0; p < n; ++p) {
      request.prompt.positions.push_back(p);
    }
  }
  request.prompt.token_ids = std::move(ids);
  request.max_tokens = max_tokens;
  request.stop_token_ids = {kStopToken};
  return request;
}

// `before` text tokens, a picture of 2x3 media tokens, `after` text tokens.
inline Request picture(std::int32_t before, float colour, std::int32_t max_tokens,
                       std::int32_t after = 1) {
  Request request =
      text(std::vector<std::int32_t>(static_cast<std::size_t>(before + 6 + after), 5), max_tokens);
  auto patches = std::make_shared<Patches>();
  patches->grid = {1, 4, 6};
  patches->values[0][0] = colour;
  request.prompt.media.push_back({patches, static_cast<std::uint64_t>(colour * 8), 1});
  request.prompt.spans.push_back({before, 6, 0, 0});
  return request;
}

}  // namespace monocle::test
