// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/vision.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "model/qwen3_vl/patch_positions.h"

namespace monocle::qwen3_vl {
namespace {

// The MLP and the mergers run over this many patches at a time: their intermediate is four times as
// wide as x, and for a 4096 x 4096 picture the whole of it would be half a gigabyte. Divisible by
// merge².
constexpr std::int64_t kChunkPatches = 4096;

constexpr float kLayerNormEps = 1e-6F;  // fixed in the architecture, not in config.json

void emit(const TraceSink* trace, std::string_view name, ConstTensorView value) {
  if (trace != nullptr) {
    (*trace)(name, value);
  }
}

// The four vectors of a merge block lie next to each other, so joining them is only a change of
// shape.
ConstTensorView join(TensorView x, std::int64_t group) {
  MONOCLE_CHECK(x.contiguous() && x.rows % group == 0);
  return {x.data, x.dtype, x.rows / group, x.cols * group};
}

}  // namespace

VisionTower::VisionTower(const Config& config, const VisionWeights& weights, const float* inv_freq,
                         Backend& backend, DType activation)
    : config_(config),
      weights_(weights),
      inv_freq_(inv_freq),
      backend_(backend),
      activation_(activation) {}

void VisionTower::plan(Workspace& workspace, std::int64_t max_patches) {
  const VisionConfig& v = config_.vision;
  const std::int64_t merge_area = std::int64_t{v.spatial_merge_size} * v.spatial_merge_size;
  const std::int64_t chunk = std::min(max_patches, kChunkPatches);
  max_patches_ = max_patches;
  pixels_ = workspace.add("vision.pixels", DType::kI8, max_patches, v.patch_dim());
  values_ = workspace.add("vision.values", DType::kF32, v.in_channels, 256);
  patches_ = workspace.add("vision.patches", DType::kF32, max_patches, v.patch_dim());
  x_ = workspace.add("vision.x", DType::kF32, max_patches, v.hidden_size);
  normed_ = workspace.add("vision.normed", activation_, max_patches, v.hidden_size);
  qkv_ = workspace.add("vision.qkv", DType::kF32, max_patches, 3 * v.hidden_size);
  attended_ = workspace.add("vision.attended", activation_, max_patches, v.hidden_size);
  mlp_ = workspace.add("vision.mlp", activation_, chunk, v.intermediate_size);
  joined_ =
      workspace.add("vision.joined", activation_, chunk / merge_area, merge_area * v.hidden_size);
  merged_ =
      workspace.add("vision.merged", activation_, chunk / merge_area, merge_area * v.hidden_size);
  index_ = workspace.add("vision.position_index", DType::kI32, max_patches, 4);
  weight_ = workspace.add("vision.position_weight", DType::kF32, max_patches, 4);
  row_ = workspace.add("vision.row", DType::kI32, max_patches, 1);
  col_ = workspace.add("vision.col", DType::kI32, max_patches, 1);
  segments_ = workspace.add("vision.segments", DType::kI32, max_patches / merge_area + 1, 1);
}

VisionTower::Positions VisionTower::stage_positions(const GridThw& grid, Workspace& workspace) {
  const PatchPositions host =
      patch_positions(grid, config_.vision.position_side(), config_.vision.spatial_merge_size);
  const std::size_t n = host.row.size();
  return {workspace.stage(index_, host.index.data(), 4 * n),
          workspace.stage(weight_, host.weight.data(), 4 * n),
          {workspace.stage(row_, host.row.data(), n), n},
          {workspace.stage(col_, host.col.data(), n), n},
          {workspace.stage(segments_, host.segments.data(), host.segments.size()),
           host.segments.size()}};
}

// The patches as numbers.
TensorView VisionTower::stage_pixels(const Patches& patches, Workspace& workspace) {
  const VisionConfig& v = config_.vision;
  const std::int64_t n = patches.grid.patches();
  const std::int32_t area = v.patch_size * v.patch_size;
  MONOCLE_CHECK(std::ssize(patches.pixels) == n * v.in_channels * patches.frames * area);
  const TensorView y = workspace.view(patches_, n);
  backend_.expand_pixels(
      {.pixels = workspace.stage(pixels_, patches.pixels.data(), patches.pixels.size()),
       .values = workspace.stage(values_, patches.values.front().data(),
                                 patches.values.size() * patches.values.front().size()),
       .channels = v.in_channels,
       .stored = patches.frames,
       .frames = v.temporal_patch_size,
       .area = area,
       .y = y});
  return y;
}

void VisionTower::encode(const Job& job, LayerRange layers, Workspace& workspace,
                         const TraceSink* trace) {
  const VisionConfig& v = config_.vision;
  const std::int64_t n = job.patches.grid.patches();
  const std::int64_t tokens = job.patches.grid.tokens(v.spatial_merge_size);
  MONOCLE_CHECK(n > 0 && n <= max_patches_ && layers.end <= std::ssize(weights_.blocks));
  const TensorView x = workspace.view(x_, n);
  const Positions positions = stage_positions(job.patches.grid, workspace);
  if (layers.begin == 0) {
    embed(job.patches, positions, x, workspace, trace);
  }
  for (std::int32_t i = layers.begin; i < layers.end; ++i) {
    block(weights_.blocks[static_cast<std::size_t>(i)], positions, x, workspace);
    emit(trace, "block." + std::to_string(i), x);
    const auto found = std::ranges::find(v.deepstack_visual_indexes, i);
    if (found != v.deepstack_visual_indexes.end()) {
      const auto level = static_cast<std::int32_t>(found - v.deepstack_visual_indexes.begin());
      const TensorView rows = job.pool.level(1 + level).slice_rows(job.first_row, tokens);
      merge(weights_.deepstack[static_cast<std::size_t>(level)], true, x, workspace, rows);
      emit(trace, "deepstack." + std::to_string(level), rows);
    }
  }
  if (layers.end == std::ssize(weights_.blocks)) {
    const TensorView rows = job.pool.level(0).slice_rows(job.first_row, tokens);
    merge(weights_.merger, false, x, workspace, rows);
    emit(trace, "merger", rows);
  }
}

// Patches and where they stand become the first layer's input.
void VisionTower::embed(const Patches& patches, const Positions& positions, TensorView x,
                        Workspace& workspace, const TraceSink* trace) {
  backend_.linear({.x = stage_pixels(patches, workspace),
                   .w = weights_.patch_embed.w,
                   .bias = weights_.patch_embed.bias,
                   .residual = {},
                   .y = x});
  emit(trace, "patch_embed", x);
  backend_.blend_rows(
      {.index = positions.index, .weight = positions.weight, .table = weights_.pos_embed, .y = x});
  emit(trace, "after_pos_embed", x);
}

void VisionTower::block(const VisionBlock& w, const Positions& positions, TensorView x,
                        Workspace& workspace) {
  const VisionConfig& v = config_.vision;
  const std::int32_t head_dim = v.head_dim();
  const TensorView normed = workspace.view(normed_, x.rows);
  const TensorView qkv = workspace.view(qkv_, x.rows);
  const TensorView attended = workspace.view(attended_, x.rows);

  const auto layer_norm = [&](const Affine& norm) {
    backend_.norm({.kind = NormKind::kLayer,
                   .x = x,
                   .weight = norm.weight,
                   .bias = norm.bias,
                   .eps = kLayerNormEps,
                   .y = normed});
  };
  layer_norm(w.norm1);
  backend_.linear({.x = normed, .w = w.qkv.w, .bias = w.qkv.bias, .residual = {}, .y = qkv});
  backend_.attend_packed({.qkv = qkv,
                          .heads = v.num_heads,
                          .head_dim = head_dim,
                          .row = positions.row,
                          .col = positions.col,
                          .inv_freq = inv_freq_,
                          .segments = positions.segments,
                          .scale = 1.0F / std::sqrt(static_cast<float>(head_dim)),
                          .y = attended});
  backend_.linear({.x = attended, .w = w.proj.w, .bias = w.proj.bias, .residual = x, .y = x});
  layer_norm(w.norm2);
  for (std::int64_t begin = 0; begin < x.rows; begin += kChunkPatches) {
    const std::int64_t count = std::min(kChunkPatches, x.rows - begin);
    const TensorView mlp = workspace.view(mlp_, count);
    const TensorView part = x.slice_rows(begin, count);
    backend_.linear({.x = normed.slice_rows(begin, count),
                     .w = w.fc1.w,
                     .bias = w.fc1.bias,
                     .epilogue = Epilogue::kGeluTanh,
                     .residual = {},
                     .y = mlp});
    backend_.linear({.x = mlp, .w = w.fc2.w, .bias = w.fc2.bias, .residual = part, .y = part});
  }
}

// The main merger normalises each patch and then joins 2x2 of them; the DeepStack mergers join
// first and normalise over the joined vector.
void VisionTower::merge(const Merger& w, bool join_first, TensorView x, Workspace& workspace,
                        TensorView out) {
  const std::int64_t group =
      std::int64_t{config_.vision.spatial_merge_size} * config_.vision.spatial_merge_size;
  for (std::int64_t begin = 0; begin < x.rows; begin += kChunkPatches) {
    const std::int64_t count = std::min(kChunkPatches, x.rows - begin);
    const TensorView part = x.slice_rows(begin, count);
    const TensorView joined = workspace.view(joined_, count / group);
    const ConstTensorView in = join_first ? join(part, group) : ConstTensorView(part);
    const TensorView normed =
        join_first ? joined : TensorView(joined.data, joined.dtype, part.rows, part.cols);
    backend_.norm({.kind = NormKind::kLayer,
                   .x = in,
                   .weight = w.norm.weight,
                   .bias = w.norm.bias,
                   .eps = kLayerNormEps,
                   .y = normed});
    const TensorView hidden = workspace.view(merged_, count / group);
    backend_.linear({.x = joined,
                     .w = w.fc1.w,
                     .bias = w.fc1.bias,
                     .epilogue = Epilogue::kGeluErf,
                     .residual = {},
                     .y = hidden});
    backend_.linear({.x = hidden,
                     .w = w.fc2.w,
                     .bias = w.fc2.bias,
                     .residual = {},
                     .y = out.slice_rows(begin / group, count / group)});
  }
}

}  // namespace monocle::qwen3_vl
