// SPDX-License-Identifier: Apache-2.0
// Reading 4-bit groups (cuda/int4_tiles.h) as the int8 rows that they stand for: q = (code - zero)
// step, |q| <= 119.
//
// Four codes become four bytes by one multiplication: as integers of 32 bits, codes times the step
// plus 128 - zero * step in every byte are the bytes q + 128, since each of them lies in [0, 255].
#pragma once

#include "cuda/int4_tiles.h"
#include "cuda/kernels/common.cuh"

namespace monocle::cuda {

// A group's step, and what makes its codes unsigned bytes.
struct Int4Grid {
  std::uint32_t step;
  std::uint32_t offset;

  // Group `group` of a row's four.
  __device__ Int4Grid(std::uint32_t steps, std::uint32_t zeros, std::uint32_t group) {
    step = __byte_perm(steps, 0U, 0x4440U | group);
    offset = 0x80808080U - step * __byte_perm(zeros, 0U, 0x4440U | group) * 0x01010101U;
  }
  // q + 128 of the first four codes of a word, and of those in the high halves.
  [[nodiscard]] __device__ std::uint32_t low(std::uint32_t word) const {
    return (word & 0x0f0f0f0fU) * step + offset;
  }
  [[nodiscard]] __device__ std::uint32_t high(std::uint32_t word) const {
    return (word >> 4 & 0x0f0f0f0fU) * step + offset;
  }
};
__device__ inline std::uint32_t int4_steps(std::uint32_t grids) { return grids & 0x0f0f0f0fU; }
__device__ inline std::uint32_t int4_zeros(std::uint32_t grids) { return grids >> 4 & 0x0f0f0f0fU; }

// One weight without the row's scale.
__device__ inline int int4_value(const void* tiles, std::int64_t cols, std::int64_t row,
                                 std::int64_t col) {
  const auto* block = static_cast<const std::uint8_t*>(tiles) +
                      row / kInt4TileRows * int4_tile_pitch(cols) + col / 128 * kInt4BlockBytes;
  const int i = 4 * static_cast<int>(row % kInt4TileRows);
  const int c = static_cast<int>(col % 128);
  const int grid = block[i + c / 32];
  const int pair = block[kInt4Line * (1 + c / 8) + i + c % 4];
  return ((c % 8 < 4 ? pair & 15 : pair >> 4) - (grid >> 4)) * (grid & 15);
}

}  // namespace monocle::cuda
