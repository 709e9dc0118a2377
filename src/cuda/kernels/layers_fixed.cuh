// SPDX-License-Identifier: Apache-2.0
// x beside int8 weights as integers, for layers_sm90.cu: x = s (128 h + l) with h and l int8 and a
// scale s per row and 256 columns, 15 bits of the largest. Two products of int8 matrices take a
// fifth of the instructions of widening the weights to bf16, and x keeps more of its bits than in
// bf16 where it matters.
#pragma once

#include "cuda/kernels/layers_stream.cuh"

namespace monocle::cuda::layers {

inline constexpr float kFixedMost = 127.0F * 128.0F;

// D += A B: A [16, 32] int8 row-major, B [32, 8] int8 column-major, D [16, 8] int32.
__device__ inline void mma_int8(int (&d)[4], std::uint32_t a0, std::uint32_t a1, std::uint32_t a2,
                                std::uint32_t a3, std::uint32_t b0, std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// The scale of a row's 256 columns, and the sum of their integers where it is asked for.
struct FixedScale {
  float scale;
  int total;
};

// Eight columns of a row by each lane, 256 by the warp: h to `high`, l to `low`. All lanes of the
// warp must call it. What is not a number makes the scale none.
template <bool kTotal>
__device__ inline FixedScale put_fixed(const uint4& value, bool exists, std::uint8_t* high,
                                       std::uint8_t* low) {
  const std::uint32_t words[4] = {value.x, value.y, value.z, value.w};
  const std::uint32_t most = warp_most(words);
  const float largest = bf16_value(static_cast<std::uint16_t>(most));
  const float inverse = largest > 0.0F ? kFixedMost / largest : 0.0F;
  std::uint32_t h[2] = {0, 0};
  std::uint32_t l[2] = {0, 0};
  int total = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float x = i % 2 == 0 ? bf16_low(words[i / 2]) : bf16_high(words[i / 2]);
    const int q = __float2int_rn(x * inverse);
    const int upper = (q + 64) >> 7;
    total += q;
    h[i / 4] |= (static_cast<std::uint32_t>(upper) & 0xffU) << (8 * (i % 4));
    l[i / 4] |= (static_cast<std::uint32_t>(q - upper * 128) & 0xffU) << (8 * (i % 4));
  }
  if (exists) {
    *reinterpret_cast<uint2*>(high) = {h[0], h[1]};
    *reinterpret_cast<uint2*>(low) = {l[0], l[1]};
  }
#if __CUDA_ARCH__ >= 800
  if constexpr (kTotal) {
    total = __reduce_add_sync(0xffffffffU, total);
  }
#endif
  return {largest / kFixedMost, total};
}

// A warp's stage of 16 rows and 256 columns of W. x: this lane's row and piece of the high parts,
// the low ones `plane` bytes behind; scale[i]: of row 2 (lane % 4) + i of x.
template <class S>
__device__ inline void multiply_fixed(std::uint32_t stage, std::uint32_t x, int plane,
                                      const float (&scale)[2], typename S::Sums& sum) {
  static_assert(S::kFormat == QuantFormat::kInt8Channel && S::kTokenTiles == 1);
  const int lane = static_cast<int>(threadIdx.x % 32);
  int high[2][4] = {};
  int low[2][4] = {};
#pragma unroll
  for (int j = 0; j < S::kPieces / 4; ++j) {
    const std::uint32_t at =
        stage + static_cast<std::uint32_t>(S::place(lane / 4, 4 * j + lane % 4));
    const uint4 w0 = load_shared16(at);
    const uint4 w8 = load_shared16(at + kBoxBytes);
    const uint4 h = load_shared16(x + static_cast<std::uint32_t>(64 * j));
    const uint4 l = load_shared16(x + static_cast<std::uint32_t>(plane + 64 * j));
    mma_int8(high[0], w0.x, w8.x, w0.y, w8.y, h.x, h.y);
    mma_int8(low[0], w0.x, w8.x, w0.y, w8.y, l.x, l.y);
    mma_int8(high[1], w0.z, w8.z, w0.w, w8.w, h.z, h.w);
    mma_int8(low[1], w0.z, w8.z, w0.w, w8.w, l.z, l.w);
  }
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    const int total = 128 * (high[0][e] + high[1][e]) + low[0][e] + low[1][e];
    sum[0][0][e] += scale[e % 2] * static_cast<float>(total);
  }
}

}  // namespace monocle::cuda::layers
