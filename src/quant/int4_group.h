// SPDX-License-Identifier: Apache-2.0
// 4 bits a weight in groups of 32 columns, every group with its own step and zero, both integers:
//
//   w[r][c] ≈ scale[r] * q[r][c],   q = (code - zero[r][g]) * step[r][g],   g = c / 32
//
// with code and zero in [0, 15], step in [0, 15] and scale[r] = max|w[r]| / 112. So a row is a row
// of int8_channel.h whose groups use 16 levels each: a kernel that expands the codes gets exact
// bytes, and sums of products with int8 activations do not depend on how it adds them. 112 keeps
// |q| <= 119 whatever the rounding of zero and code. 4.25 bits a weight.
//
//   data  tiles of 16 rows, each a run of blocks of 128 columns, each 17 lines of 64 bytes:
//           line 0           byte 4 i + j: step of row i in group j of the block (low half), zero
//           line 1 + 4 j + s byte 4 i + b: code of row i in columns 32 j + 8 s + b (low half) and
//                            + 4 (high half)
//   aux   float scale[rows], then int32 sum[rows] with sum[r] = Σ_c q[r][c], as in int8_channel.h
//
// A line holds the same columns of 16 rows, four bytes each: what one dot-product instruction takes
// when every lane of a vector is an output. Rows and columns are padded with weights of zero.
#pragma once

#include "quant/format.h"

namespace monocle {

extern const FormatInfo kInt4GroupInfo;

inline constexpr std::int64_t kInt4Rows = 16;   // of a tile
inline constexpr std::int64_t kInt4Group = 32;  // columns that share step and zero
inline constexpr std::int64_t kInt4BlockCols = 128;
inline constexpr std::int64_t kInt4BlockBytes = 1088;

constexpr std::int64_t int4_blocks(std::int64_t cols) {
  return (cols + kInt4BlockCols - 1) / kInt4BlockCols;
}
constexpr std::int64_t int4_tile_bytes(std::int64_t cols) {
  return int4_blocks(cols) * kInt4BlockBytes;
}

}  // namespace monocle
