// SPDX-License-Identifier: Apache-2.0
// 4-bit groups (quant/int4_group.h) as they lie on the device: the same bytes in tiles of 8 rows
// instead of 16, since gate and up share a product's 16 rows.
//
//   tiles of 8 rows, each a run of blocks of 128 columns, each 17 lines of 32 bytes:
//     line 0      byte 4 i + j: step of row i in group j of the block (low half), zero
//     line 1 + l  byte 4 i + b: code of row i in columns 8 l + b (low half) and + 4 (high half)
//
// A lane of a tensor-core product finds its eight columns of a row in one word, and the words of a
// warp fill all banks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/format.h"

namespace monocle::cuda {

inline constexpr int kInt4TileRows = 8;
inline constexpr int kInt4Line = 32;
inline constexpr int kInt4BlockBytes = 17 * kInt4Line;  // 8 rows, 128 columns

// From one tile to the next.
constexpr std::int64_t int4_tile_pitch(std::int64_t cols) {
  return (cols + 127) / 128 * kInt4BlockBytes;
}
constexpr std::size_t int4_device_bytes(std::int64_t rows, std::int64_t cols) {
  return static_cast<std::size_t>((rows + kInt4TileRows - 1) / kInt4TileRows *
                                  int4_tile_pitch(cols));
}

// The data of `host`, int4_device_bytes of them. Never more than the host's.
void make_int4_tiles(const WeightView& host, std::byte* out);

}  // namespace monocle::cuda
