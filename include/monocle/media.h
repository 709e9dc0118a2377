// SPDX-License-Identifier: Apache-2.0
// A picture or clip on its way to the model: cut into patches, before the vision tower.
#pragma once

#include <cstdint>
#include <vector>

namespace monocle {

// A grid of patches: t frame groups of h x w patches; h and w are multiples of the merge size.
struct GridThw {
  std::int32_t t = 0;
  std::int32_t h = 0;
  std::int32_t w = 0;
  [[nodiscard]] std::int64_t patches() const { return std::int64_t{t} * h * w; }
  // Decoder tokens: merge x merge patches become one.
  [[nodiscard]] std::int64_t tokens(std::int32_t merge) const {
    return patches() / (merge * merge);
  }
  friend bool operator==(const GridThw&, const GridThw&) = default;
};

// One image or video. Rows are in merge-block order: 2x2 blocks in raster order, raster order
// inside a block, frame group by frame group; columns are [channel, frame of the group, y, x],
// values in [-1, 1].
struct Patches {
  std::vector<float> rows;  // [grid.patches(), channels * temporal * patch * patch]
  GridThw grid;
};

}  // namespace monocle
