// SPDX-License-Identifier: Apache-2.0
// 4-bit groups in layers_sm90.cu: expanded in registers to the int8 rows that they stand for,
// beside the integers of x of layers_fixed.cuh.
//
// Bytes of W are q + 128, which is what expanding costs least for (int4.cuh): an unsigned operand.
// What that adds, 128 times the sum of the integers of x, is known before and goes in one step.
#pragma once

#include "cuda/kernels/int4.cuh"
#include "cuda/kernels/layers_fixed.cuh"

namespace monocle::cuda::layers {

// D += A B: A [16, 32] unsigned bytes row-major, B [32, 8] int8 column-major, D [16, 8] int32.
__device__ inline void mma_bytes(int (&d)[4], const std::uint32_t (&a)[4], const uint2& b) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b.x), "r"(b.y));
}
__device__ inline uint2 load_shared8(std::uint32_t address) {
  uint2 out;
  asm volatile("ld.shared.v2.u32 {%0,%1}, [%2];"
               : "=r"(out.x), "=r"(out.y)
               : "r"(address)
               : "memory");
  return out;
}
__device__ inline std::uint32_t load_shared4(std::uint32_t address) {
  std::uint32_t out;
  asm volatile("ld.shared.u32 %0, [%1];" : "=r"(out) : "r"(address) : "memory");
  return out;
}

// A warp's stage of 16 rows and 256 columns of W. x: this lane's row and eight columns of the high
// parts, the low ones `plane` bytes behind. scale[i], total[i]: of row 2 (lane % 4) + i of x.
//
// A product's column 4 t + b stands for 8 t + b of a group, 16 + 4 t + b for 8 t + 4 + b: what lane
// t of four finds in one word.
template <class Sums>
__device__ inline void multiply_int4(std::uint32_t stage, std::uint32_t x, int plane,
                                     const float (&scale)[2], const int (&total)[2], Sums& sum) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::uint32_t row = stage + static_cast<std::uint32_t>(4 * (lane / 4));
  int high[2][4] = {};
  int low[2][4] = {};
#pragma unroll
  for (int block = 0; block < 2; ++block) {
    std::uint32_t steps[2];
    std::uint32_t zeros[2];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const std::uint32_t grids = load_shared4(
          row + static_cast<std::uint32_t>(h * kInt4BoxPitch + block * kInt4BlockBytes));
      steps[h] = int4_steps(grids);
      zeros[h] = int4_zeros(grids);
    }
#pragma unroll
    for (int group = 0; group < 4; ++group) {
      std::uint32_t w[4];
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const Int4Grid grid(steps[h], zeros[h], static_cast<std::uint32_t>(group));
        const std::uint32_t word = load_shared4(
            row + static_cast<std::uint32_t>(h * kInt4BoxPitch + block * kInt4BlockBytes +
                                             kInt4Line * (1 + 4 * group + lane % 4)));
        w[h] = grid.low(word);
        w[2 + h] = grid.high(word);
      }
      const std::uint32_t at = x + static_cast<std::uint32_t>(128 * block + 32 * group);
      mma_bytes(high[group % 2], w, load_shared8(at));
      mma_bytes(low[group % 2], w, load_shared8(at + static_cast<std::uint32_t>(plane)));
    }
  }
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const int all = 128 * (high[0][e] + high[1][e]) + low[0][e] + low[1][e];
    sum[0][0][e] += scale[e % 2] * static_cast<float>(all - 128 * total[e % 2]);
  }
}

}  // namespace monocle::cuda::layers
