// SPDX-License-Identifier: Apache-2.0
#include "cuda/layer_maps.h"

#include <cuda_runtime_api.h>

#include <cstring>
#include <span>

#include "cuda/check.h"
#include "cuda/int4_tiles.h"
#include "cuda/tensor_map.h"

namespace monocle::cuda {
namespace {

constexpr std::size_t kPrograms = 4;
constexpr std::size_t kProgramMaps = std::size_t{kMaxLayers} * kLayerMaps + 1;
constexpr int kBoxRows = 8;

std::vector<CUtensorMap> make_maps(const StepProgram& p) {
  std::vector<CUtensorMap> maps;
  const int element = p.format == QuantFormat::kBF16 ? 2 : 1;
  const auto add_rows = [&](const void* data, std::int64_t rows, std::int64_t cols) {
    maps.push_back(make_tensor_map({.data = data,
                                    .element_bytes = element,
                                    .rows = rows,
                                    .cols = cols,
                                    .row_bytes = cols * element,
                                    .box_rows = kBoxRows}));
  };
  // int4: a row is 8 rows of W, a box two blocks of it, 256 columns.
  const auto add = [&](const void* data, std::int64_t rows, std::int64_t cols) {
    if (p.format != QuantFormat::kInt4Group) {
      return add_rows(data, rows, cols);
    }
    maps.push_back(make_tensor_map({.data = data,
                                    .element_bytes = 8,
                                    .rows = rows / kInt4TileRows,
                                    .cols = int4_tile_pitch(cols) / 8,
                                    .row_bytes = int4_tile_pitch(cols),
                                    .box_rows = 1,
                                    .box_bytes = 2 * kInt4BlockBytes}));
  };
  for (const LayerWeights& w : std::span(p.layer).first(static_cast<std::size_t>(p.layers))) {
    add(w.qkv[0], p.q_dim, p.hidden);
    add(w.qkv[1], p.kv_dim, p.hidden);
    add(w.qkv[2], p.kv_dim, p.hidden);
    add(w.out, p.hidden, p.q_dim);
    add(w.gate_up[0], p.inner, p.hidden);
    add(w.gate_up[1], p.inner, p.hidden);
    add(w.down, p.hidden, p.inner);
  }
  if (p.head.rows > 0) {
    add_rows(p.head.w, p.head.rows, p.hidden);
  }
  return maps;
}

}  // namespace

LayerMaps::~LayerMaps() { cudaFree(memory_); }

void LayerMaps::allocate() {
  void* memory = nullptr;
  if (cudaMalloc(&memory, kPrograms * kProgramMaps * sizeof(CUtensorMap)) != cudaSuccess) {
    cudaGetLastError();
    return;
  }
  memory_ = static_cast<CUtensorMap*>(memory);
}

const CUtensorMap* LayerMaps::find(const StepProgram& program) {
  const auto layers = std::span(program.layer).first(static_cast<std::size_t>(program.layers));
  for (std::size_t i = 0; i < known_.size(); ++i) {
    if (known_[i].head == program.head.w && known_[i].layers.size() == layers.size() &&
        std::memcmp(known_[i].layers.data(), layers.data(), layers.size_bytes()) == 0) {
      return memory_ + i * kProgramMaps;
    }
  }
  if (memory_ == nullptr || known_.size() == kPrograms) {
    return nullptr;
  }
  const std::vector<CUtensorMap> maps = make_maps(program);
  CUtensorMap* to = memory_ + known_.size() * kProgramMaps;
  MONOCLE_CUDA_CHECK(
      cudaMemcpy(to, maps.data(), maps.size() * sizeof(CUtensorMap), cudaMemcpyHostToDevice));
  known_.push_back({{layers.begin(), layers.end()}, program.head.w});
  return to;
}

}  // namespace monocle::cuda
