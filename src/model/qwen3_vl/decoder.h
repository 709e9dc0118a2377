// SPDX-License-Identifier: Apache-2.0
// The text layers: a step of tokens, some of them media rows, to the logits of the rows that
// sample.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/model.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/weights.h"
#include "model/qwen3_vl/workspace.h"

namespace monocle::qwen3_vl {

class Decoder {
 public:
  // All references must outlive the decoder; rope's pointers lie in backend memory.
  Decoder(const Config& config, const DecoderWeights& weights, const RopeTable& rope,
          Backend& backend, DType activation);

  void plan(Workspace& workspace, const PlanLimits& limits);

  void forward(const StepInputs& step, std::span<const KvView> kv, Workspace& workspace,
               const StepOutputs& out, const TraceSink* trace);

 private:
  // The step's integers in backend memory.
  struct Staged {
    std::span<const std::int32_t> token_ids, media_row, query_start, context, sample_rows,
        hidden_rows;
    const std::int32_t* positions;
    const std::int32_t* block_table;
    std::span<const std::int64_t> slots;
  };
  Staged stage(const StepInputs& step, Workspace& workspace);
  static GraphKey step_key(const StepInputs& step, std::span<const KvView> kv,
                           const TensorView& logits);
  // `mlp_left`: of x, the last layer's MLP is still to come.
  void write_outputs(const StepInputs& step, const Staged& in, ConstTensorView x, bool mlp_left,
                     Workspace& workspace, const StepOutputs& out);
  void run_layers(const StepInputs& step, const Staged& in, std::span<const KvView> kv,
                  Workspace& workspace, const StepOutputs& out, const TraceSink* trace);
  void attention(const DecoderLayer& w, const StepInputs& step, const Staged& in, const KvView& kv,
                 TensorView x, Workspace& workspace);
  void mlp(const DecoderLayer& w, TensorView x, Workspace& workspace);
  void norm(const Affine& weights, ConstTensorView x, TensorView y);

  const Config& config_;
  const DecoderWeights& weights_;
  RopeTable rope_;
  Backend& backend_;
  DType activation_;
  std::int32_t max_blocks_ = 0;
  Slot x_, normed_, qkv_, q_, attended_, mlp_, sampled_, sampled_normed_, traced_;
  Slot token_ids_, media_row_, positions_, slots_, query_start_, context_, block_table_,
      sample_rows_, hidden_rows_;
};

}  // namespace monocle::qwen3_vl
