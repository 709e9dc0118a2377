// SPDX-License-Identifier: Apache-2.0
// linear_stream over 4-bit groups (cuda/int4_tiles.h): how they come, and a warp's products.
//
// A stage is two blocks of 8 rows and 128 columns twice, as they lie in memory. A lane finds eight
// columns of a row in one word; 16 bits with a code in the lowest four are a bf16 of 128 and more,
// from which 128 + zero goes, and the step multiplies it: exact. So a register holds columns 0 and
// 2, 1 and 3, 4 and 6, 5 and 7 of eight, and so does x in shared memory.
#pragma once

#include "cuda/kernels/int4.cuh"
#include "cuda/kernels/linear_stream_kind.cuh"

namespace monocle::cuda {

// A warp's 16 rows of W, and where in them it stands; see Source.
template <class K>
struct Int4Source {
  static constexpr int kHalf = kInt4StageBytes / 2;
  static constexpr int kHalfPieces = kHalf / 16;
  const std::uint8_t* base[2];  // tiles of rows 0 and 8
  bool valid[2];
  int tile = 0;
  int chunk = 0;

  __device__ void enter(const StreamArgs& a, int at_tile) {
    tile = at_tile;
    chunk = 0;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const EightRows<K> rows(a, tile, h);
      valid[h] = rows.valid > 0;
      base[h] = a.part[rows.part] +
                (valid[h] ? rows.row / kInt4TileRows * int4_tile_pitch(a.k) : std::int64_t{0});
    }
  }
  __device__ void advance(const StreamArgs& a) {
    if (++chunk == a.plan.chunks) {
      enter(a, tile + a.plan.groups);
    }
  }
  // first, end: the block's columns.
  __device__ void copy(const StreamArgs&, int first, int end, std::uint32_t stage) const {
    const int at = (first + chunk * K::kSharing * K::kColumns) / 128 * kInt4BlockBytes;
    const int bytes = (end + 127) / 128 * kInt4BlockBytes - at;
#pragma unroll
    for (int i = 0; i < (2 * kHalfPieces + 31) / 32; ++i) {
      const int piece = static_cast<int>(threadIdx.x % 32) + 32 * i;
      if (piece < 2 * kHalfPieces) {
        const int h = piece >= kHalfPieces ? 1 : 0;
        const int inside = 16 * (piece - h * kHalfPieces);
        copy16(stage + static_cast<std::uint32_t>(16 * piece),
               (h != 0 ? base[1] : base[0]) + at + inside,
               inside < bytes && (h != 0 ? valid[1] : valid[0]));
      }
    }
  }
};

__device__ inline std::uint32_t bf16_pair_of(std::uint32_t value) {  // 128 + value, twice
  return 0x43004300U | value * 0x00010001U;
}
__device__ inline __nv_bfloat162 as_bf16_pair(std::uint32_t bits) {
  return *reinterpret_cast<const __nv_bfloat162*>(&bits);
}

// A lane's eight columns of a row as four pairs.
__device__ inline void widen_int4(std::uint32_t word, std::uint32_t step, std::uint32_t zero,
                                  std::uint32_t (&pairs)[4]) {
  const __nv_bfloat162 factor =
      __hsub2(as_bf16_pair(bf16_pair_of(step)), as_bf16_pair(0x43004300U));
  const __nv_bfloat162 none = as_bf16_pair(bf16_pair_of(zero));
  constexpr int kShift[4] = {0, 8, 4, 12};  // columns 0 and 2, 1 and 3, 4 and 6, 5 and 7
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t code = (word >> kShift[i] & 0x000f000fU) | 0x43004300U;
    const __nv_bfloat162 value = __hmul2(__hsub2(as_bf16_pair(code), none), factor);
    pairs[i] = *reinterpret_cast<const std::uint32_t*>(&value);
  }
}

__device__ inline std::uint32_t load_word(std::uint32_t address) {
  std::uint32_t out;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(out) : "r"(address) : "memory");
  return out;
}

template <class K>
__device__ inline void multiply_int4(std::uint32_t stage,
                                     const std::uint16_t* const (&x)[K::kTokenTiles], int step,
                                     typename K::Sums& sum) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::uint32_t row = stage + static_cast<std::uint32_t>(4 * (lane / 4));
#pragma unroll
  for (int block = 0; block < 2; ++block) {
    std::uint32_t grids[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      grids[h] = load_word(
          row + static_cast<std::uint32_t>(h * Int4Source<K>::kHalf + block * kInt4BlockBytes));
    }
#pragma unroll
    for (int group = 0; group < 4; ++group) {
      std::uint32_t w[2][4];  // of the two rows
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const std::uint32_t grid = grids[h] >> (8 * group);
        const std::uint32_t word = load_word(
            row + static_cast<std::uint32_t>(h * Int4Source<K>::kHalf + block * kInt4BlockBytes +
                                             kInt4Line * (1 + 4 * group + lane % 4)));
        widen_int4(word, grid & 15U, grid >> 4 & 15U, w[h]);
      }
      const std::uint32_t first[4] = {w[0][0], w[1][0], w[0][1], w[1][1]};
      const std::uint32_t second[4] = {w[0][2], w[1][2], w[0][3], w[1][3]};
#pragma unroll
      for (int i = 0; i < K::kTokenTiles; ++i) {
        const uint4 v = *reinterpret_cast<const uint4*>(x[i] + step * (128 * block + 32 * group));
        const std::uint32_t x0[2] = {v.x, v.y};
        const std::uint32_t x1[2] = {v.z, v.w};
        mma_bf16(sum[0][i], first, x0);
        mma_bf16(sum[1][i], second, x1);
      }
    }
  }
}

}  // namespace monocle::cuda
