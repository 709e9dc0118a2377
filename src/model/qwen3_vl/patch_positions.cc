// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/patch_positions.h"

#include <algorithm>
#include <cmath>

namespace monocle::qwen3_vl {
namespace {

struct AxisSample {
  std::int32_t low;
  std::int32_t high;
  float fraction;  // weight of high
};

// In float32 and in this order of operations: another rounding moves a sample across a table entry.
AxisSample sample_axis(std::int32_t position, std::int32_t count, std::int32_t side) {
  const float at = static_cast<float>(position) * static_cast<float>(side - 1) /
                   static_cast<float>(std::max(count - 1, 1));
  const float floor = std::floor(at);
  const auto low = static_cast<std::int32_t>(floor);
  return {low, std::min(low + 1, side - 1), at - floor};
}

}  // namespace

PatchPositions patch_positions(const GridThw& grid, std::int32_t side, std::int32_t merge) {
  PatchPositions out;
  const auto n = static_cast<std::size_t>(grid.patches());
  out.row.reserve(n);
  out.col.reserve(n);
  out.index.reserve(4 * n);
  out.weight.reserve(4 * n);
  const auto put = [&](std::int32_t row, std::int32_t col) {
    const AxisSample y = sample_axis(row, grid.h, side);
    const AxisSample x = sample_axis(col, grid.w, side);
    out.row.push_back(row);
    out.col.push_back(col);
    out.index.insert(out.index.end(), {y.low * side + x.low, y.low * side + x.high,  //
                                       y.high * side + x.low, y.high * side + x.high});
    out.weight.insert(out.weight.end(),
                      {(1 - y.fraction) * (1 - x.fraction), (1 - y.fraction) * x.fraction,
                       y.fraction * (1 - x.fraction), y.fraction * x.fraction});
  };
  out.segments.push_back(0);
  for (std::int32_t t = 0; t < grid.t; ++t) {
    for (std::int32_t block_row = 0; block_row < grid.h; block_row += merge) {
      for (std::int32_t block_col = 0; block_col < grid.w; block_col += merge) {
        for (std::int32_t i = 0; i < merge * merge; ++i) {
          put(block_row + i / merge, block_col + i % merge);
        }
      }
    }
    out.segments.push_back(static_cast<std::int32_t>(out.row.size()));
  }
  return out;
}

}  // namespace monocle::qwen3_vl
