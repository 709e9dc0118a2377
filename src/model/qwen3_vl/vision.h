// SPDX-License-Identifier: Apache-2.0
// The vision tower: patches of one image or video to rows for the decoder. All patches of a medium
// go through together; each frame group attends only to itself.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/model.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/weights.h"
#include "model/qwen3_vl/workspace.h"

namespace monocle::qwen3_vl {

class VisionTower {
 public:
  // All references must outlive the tower. activation: what linears read, f32 or bf16.
  VisionTower(const Config& config, const VisionWeights& weights, const float* inv_freq,
              Backend& backend, DType activation);

  // Reserves the workspace for media of up to max_patches patches; call once before the workspace
  // is committed.
  void plan(Workspace& workspace, std::int64_t max_patches);
  [[nodiscard]] std::int64_t max_patches() const { return max_patches_; }

  struct Job {
    const Patches& patches;  // at most max_patches()
    MediaRows& pool;         // of 1 + deepstack levels
    std::int64_t first_row;
  };
  // Some of the layers; those before them ran last, on the same job and workspace.
  void encode(const Job& job, LayerRange layers, Workspace& workspace, const TraceSink* trace);

 private:
  struct Positions {
    const std::int32_t* index;  // [n, 4]
    const float* weight;        // [n, 4]
    std::span<const std::int32_t> row;
    std::span<const std::int32_t> col;
    std::span<const std::int32_t> segments;
  };
  Positions stage_positions(const GridThw& grid, Workspace& workspace);
  TensorView stage_pixels(const Patches& patches, Workspace& workspace);
  void embed(const Patches& patches, const Positions& positions, TensorView x, Workspace& workspace,
             const TraceSink* trace);
  void block(const VisionBlock& weights, const Positions& positions, TensorView x,
             Workspace& workspace);
  void merge(const Merger& weights, bool join_first, TensorView x, Workspace& workspace,
             TensorView out);

  const Config& config_;
  const VisionWeights& weights_;
  const float* inv_freq_;  // [head_dim / 4], backend memory
  Backend& backend_;
  DType activation_;
  std::int64_t max_patches_ = 0;
  Slot pixels_, values_, patches_, x_, qkv_, attended_, normed_, mlp_, joined_, merged_;
  Slot index_, weight_, row_, col_, segments_;
};

}  // namespace monocle::qwen3_vl
