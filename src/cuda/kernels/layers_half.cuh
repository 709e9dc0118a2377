// SPDX-License-Identifier: Apache-2.0
// x beside fp8 weights as f16, for layers_sm90.cu: x = s h with h f16 and a power of two s per row
// and 256 columns, which puts the largest of them into [2^14, 2^15). All bf16 down to 2^-28 of it
// are kept exactly. e4m3 becomes f16 by one instruction for two weights; bf16 would take five.
// (Compute capability 9.0 has no product of fp8 matrices for a warp: that is two conversions.)
#pragma once

#include "cuda/kernels/layers_stream.cuh"

namespace monocle::cuda::layers {

// D += A B: A [16, 16] f16 row-major, B [16, 8] f16 column-major, D [16, 8] float32.
__device__ inline void mma_half(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// Four e4m3 as two pairs of f16.
__device__ inline void fp8_to_half(std::uint32_t four, std::uint32_t& low, std::uint32_t& high) {
#if __CUDA_ARCH__ >= 890
  asm("{\n.reg .b16 l, h;\nmov.b32 {l, h}, %2;\ncvt.rn.f16x2.e4m3x2 %0, l;\n"
      "cvt.rn.f16x2.e4m3x2 %1, h;\n}"
      : "=r"(low), "=r"(high)
      : "r"(four));
#endif
}

// Eight columns of a row by each lane, 256 by the warp, to `to`; yields s. All lanes of the warp
// must call it. Infinities and what is not a number stay so.
__device__ inline float put_half(const uint4& value, bool exists, std::uint8_t* to) {
  const std::uint32_t words[4] = {value.x, value.y, value.z, value.w};
  const std::uint32_t most = warp_most(words);
  const std::uint32_t exponent = most >> 7 > 15U ? most >> 7 : 15U;  // both factors stay normal
  const float factor = __uint_as_float((268U - exponent) << 23);
  if (exists) {
    std::uint32_t half[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const __half2 pair =
          __floats2half2_rn(bf16_low(words[i]) * factor, bf16_high(words[i]) * factor);
      half[i] = *reinterpret_cast<const std::uint32_t*>(&pair);
    }
    *reinterpret_cast<uint4*>(to) = {half[0], half[1], half[2], half[3]};
  }
  return __uint_as_float((exponent - 14U) << 23);
}

// A warp's stage of 16 rows and 256 columns of W. x: this lane's row and first column; scale[i]: of
// row 2 (lane % 4) + i of x.
template <class S>
__device__ inline void multiply_half(std::uint32_t stage, std::uint32_t x, const float (&scale)[2],
                                     typename S::Sums& sum) {
  static_assert(S::kFormat == QuantFormat::kFp8Channel && S::kTokenTiles == 1);
  const int lane = static_cast<int>(threadIdx.x % 32);
  float part[2][4] = {};  // two chains of products are half as long
#pragma unroll
  for (int j = 0; j < S::kPieces / 4; ++j) {
    const std::uint32_t at =
        stage + static_cast<std::uint32_t>(S::place(lane / 4, 4 * j + lane % 4));
    const uint4 low = load_shared16(at);
    const uint4 high = load_shared16(at + kBoxBytes);
    const std::uint32_t l[4] = {low.x, low.y, low.z, low.w};
    const std::uint32_t h[4] = {high.x, high.y, high.z, high.w};
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      const uint4 v = load_shared16(x + static_cast<std::uint32_t>(128 * j + 8 * i));
      std::uint32_t w[2][4];
      fp8_to_half(l[i], w[0][0], w[0][2]);
      fp8_to_half(h[i], w[0][1], w[0][3]);
      fp8_to_half(l[i + 1], w[1][0], w[1][2]);
      fp8_to_half(h[i + 1], w[1][1], w[1][3]);
      mma_half(part[0], w[0], v.x, v.y);
      mma_half(part[1], w[1], v.z, v.w);
    }
  }
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    sum[0][0][e] += scale[e % 2] * (part[0][e] + part[1][e]);
  }
}

}  // namespace monocle::cuda::layers
