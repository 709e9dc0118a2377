// SPDX-License-Identifier: Apache-2.0
// Where each patch of a grid lies: its row and column for rope, its four neighbours in the learned
// position table and their bilinear weights, and the attention segments. Patches are in merge-block
// order: 2x2 blocks in raster order, raster order inside a block; the pattern repeats for every
// frame group.
#pragma once

#include <cstdint>
#include <vector>

#include "model/media_rows.h"

namespace monocle::qwen3_vl {

struct PatchPositions {
  std::vector<std::int32_t> row;       // [n]
  std::vector<std::int32_t> col;       // [n]
  std::vector<std::int32_t> index;     // [n, 4] rows of the position table
  std::vector<float> weight;           // [n, 4]
  std::vector<std::int32_t> segments;  // [t + 1]
};

// side: the table is [side * side]. The grid is resampled onto it align-corners: patch r of h lies
// at r (side - 1) / max(h - 1, 1).
PatchPositions patch_positions(const GridThw& grid, std::int32_t side, std::int32_t merge);

}  // namespace monocle::qwen3_vl
