// SPDX-License-Identifier: Apache-2.0
// A picture or clip on its way to the model: cut into patches, before the vision tower.
#pragma once

#include <array>
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

// What each byte of each channel stands for: a normalised pixel.
using PixelValues = std::array<std::array<float, 256>, 3>;

// One image or video. Rows are in merge-block order: 2x2 blocks in raster order, raster order
// inside a block, frame group by frame group; columns are [channel, frame, y, x]. They stay bytes
// until the device makes numbers of them: an eighth of what would have to be moved.
struct Patches {
  std::vector<std::uint8_t> pixels;  // [grid.patches(), channels * frames * patch * patch]
  std::int32_t frames = 1;           // of a group that are there; the last stands for the others
  PixelValues values{};
  GridThw grid;
};

}  // namespace monocle
