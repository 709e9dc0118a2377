// SPDX-License-Identifier: Apache-2.0
#include "cuda/int4_tiles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "quant/int4_group.h"

namespace monocle::cuda {
namespace {

int value_at(const std::vector<std::byte>& tiles, std::int64_t cols, std::int64_t row,
             std::int64_t col) {
  const std::byte* block =
      tiles.data() + row / 8 * int4_tile_pitch(cols) + col / 128 * kInt4BlockBytes;
  const int i = static_cast<int>(row % 8);
  const int c = static_cast<int>(col % 128);
  const int grid = std::to_integer<int>(block[4 * i + c / 32]);
  const int pair = std::to_integer<int>(block[32 * (1 + c / 8) + 4 * i + c % 4]);
  const int code = c % 8 < 4 ? pair & 15 : pair >> 4;
  return (code - (grid >> 4)) * (grid & 15);
}

TEST(Int4Tiles, HoldTheSameWeights) {
  for (const std::int64_t rows : {1, 8, 9, 16, 23, 40}) {
    for (const std::int64_t cols : {1, 32, 128, 130, 300}) {
      std::vector<std::byte> data(kInt4GroupInfo.data_bytes(rows, cols));
      std::vector<std::byte> aux(kInt4GroupInfo.aux_bytes(rows, cols));
      std::vector<float> row(static_cast<std::size_t>(cols));
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < cols; ++c) {
          row[static_cast<std::size_t>(c)] = std::sin(static_cast<float>(17 * r + 31 * c)) +
                                             0.2F * std::cos(static_cast<float>(c));
        }
        kInt4GroupInfo.pack_row(row.data(), r, rows, cols, data.data(), aux.data());
      }
      const WeightView host{data.data(), aux.data(), QuantFormat::kInt4Group, rows, cols};
      ASSERT_LE(int4_device_bytes(rows, cols), data.size());
      std::vector<std::byte> tiles(int4_device_bytes(rows, cols));
      make_int4_tiles(host, tiles.data());
      std::vector<std::int8_t> expected(static_cast<std::size_t>(cols));
      for (std::int64_t r = 0; r < rows; ++r) {
        kInt4GroupInfo.unpack_int8(host, r, expected.data());
        for (std::int64_t c = 0; c < cols; ++c) {
          ASSERT_EQ(value_at(tiles, cols, r, c), expected[static_cast<std::size_t>(c)])
              << rows << " x " << cols << ": " << r << ", " << c;
        }
      }
    }
  }
}

}  // namespace
}  // namespace monocle::cuda
