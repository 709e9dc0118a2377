// SPDX-License-Identifier: Apache-2.0
// What the engine needs from a model: how much memory a step takes, how to turn patches into
// embeddings, and one forward pass over a mix of prefill chunks and decode rows. A model issues
// backend verbs and owns its weights and workspace; it knows nothing of requests, scheduling or
// sockets. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "model/media_rows.h"
#include "ops/backend.h"

namespace monocle {

struct ModelFacts {
  std::string architecture;
  std::int64_t vocab = 0;  // rows of the embedding table
  std::int64_t hidden = 0;
  std::int32_t layers = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t deepstack_levels = 0;
  std::int32_t vision_layers = 1;
  std::int64_t max_positions = 0;  // longest sequence the position encoding was made for
  std::size_t weight_bytes = 0;
  // Bytes of weights a decode step of one sequence reads: everything but the vision tower and, when
  // the head has its own matrix, the embedding table.
  std::size_t decode_weight_bytes = 0;
  std::string_view text_format = "";  // of the decoder's matrices, as in --quant
};

// The largest step and picture the workspace is planned for.
struct PlanLimits {
  std::int64_t step_tokens = 512;
  std::int64_t sequences = 1;
  std::int64_t samples = 1;
  std::int64_t blocks_per_sequence = 0;
  std::int64_t patches = 0;  // of one image or video
};

// One step, host memory. T tokens in B sequences, S rows to sample, H rows to embed.
struct StepInputs {
  std::span<const std::int32_t> token_ids;  // [T]
  std::span<const std::int32_t> positions;  // [3, T]
  std::span<const std::int64_t> slots;      // [T]
  std::span<const std::int32_t>
      media_row;  // [T] row of `media`, -1 for text; empty when the step has no media
  const MediaRows* media = nullptr;           // rows that media_row points into
  std::span<const std::int32_t> query_start;  // [B + 1]
  std::span<const std::int32_t> context;      // [B]
  std::span<const std::int32_t> block_table;  // [B, blocks_per_sequence of the plan]
  std::span<const std::int32_t> sample_rows;  // [S] rows whose logits are wanted
  std::span<const std::int32_t> hidden_rows;  // [H] rows whose final state is wanted, H <= B
  std::int32_t window = 0;                    // attention window and sinks, 0 = full attention
  std::int32_t sinks = 0;
};

// Where a step leaves its results, backend memory.
struct StepOutputs {
  TensorView logits;  // [S, vocab] f32
  TensorView hidden;  // [H, hidden] f32: behind the last norm, as the head would read it
};

// Receives named intermediate tensors, for parity checks. Null in production.
using TraceSink = FunctionRef<void(std::string_view name, ConstTensorView value)>;

// Layers [begin, end) of the vision tower.
struct LayerRange {
  std::int32_t begin = 0;
  std::int32_t end = 0;
};

class Model {
 public:
  virtual ~Model() = default;

  [[nodiscard]] virtual const ModelFacts& facts() const = 0;
  // Takes the workspace. Call once, before the first encode or forward.
  virtual Status plan(const PlanLimits& limits) = 0;
  [[nodiscard]] virtual std::size_t workspace_bytes() const = 0;

  // Vision tower and mergers for one image or video; rows [first_row, first_row + grid.tokens()) of
  // every level of `pool` receive the result.
  Status encode_media(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                      const TraceSink* trace) {
    return encode_layers(patches, pool, first_row, {0, facts().vision_layers}, trace);
  }
  // The same in parts, with the same bits: ranges follow each other from 0 to facts().vision_layers
  // and the rows are complete after the last. The workspace keeps what lies between two parts;
  // forward() may run there, another picture may not.
  virtual Status encode_layers(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                               LayerRange layers, const TraceSink* trace) = 0;

  // kv has one view per layer.
  virtual void forward(const StepInputs& step, std::span<const KvView> kv, const StepOutputs& out,
                       const TraceSink* trace) = 0;
};

}  // namespace monocle
