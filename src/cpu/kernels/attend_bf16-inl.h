// SPDX-License-Identifier: Apache-2.0
// The bf16 half of attend_core-inl.h: dot products of pairs on AVX-512, tiles on AMX
// (attend_amx-inl.h). Included by it, in AVX-512 regions only: elsewhere f32 is as fast and the
// operands are widened when they are packed.

// A pair of neighbouring elements in every lane.
inline VB bpair(const std::uint16_t* p) {
  std::int32_t pair;
  std::memcpy(&pair, p, sizeof(pair));
  return _mm512_set1_epi32(pair);
}

// c[m][kTile] (+)= Σ_k a[m * row + k] b[k][kTile] for kPanel rows; b in pairs along k.
inline void panel_bf16(const std::uint16_t* a, std::size_t row, const std::uint16_t* b, float* c,
                       int depth, bool accumulate) {
  VF acc[kPanel][2];
#pragma GCC unroll 8
  for (int m = 0; m < kPanel; ++m) {
    acc[m][0] = accumulate ? vload(c + m * kTile) : vzero();
    acc[m][1] = accumulate ? vload(c + m * kTile + kLanes) : vzero();
  }
  for (int k = 0; k < depth; k += 2) {
    const VB b0 = bload(b + k * kTile);
    const VB b1 = bload(b + k * kTile + 2 * kLanes);
#pragma GCC unroll 8
    for (int m = 0; m < kPanel; ++m) {
      const VB am = bpair(a + static_cast<std::size_t>(m) * row + k);
      acc[m][0] = bdot(acc[m][0], am, b0);
      acc[m][1] = bdot(acc[m][1], am, b1);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < kPanel; ++m) {
    vstore(c + m * kTile, acc[m][0]);
    vstore(c + m * kTile + kLanes, acc[m][1]);
  }
}

#ifdef MONOCLE_ISA_AMX
#include "cpu/kernels/attend_amx-inl.h"
#else
inline void attend_g1(const AttendBlock<std::uint16_t>& block, const std::uint16_t* q) {
  const auto depth = static_cast<std::size_t>(block.depth);
  for (int m = 0; m < block.keys; m += kPanel) {
    panel_bf16(block.k + static_cast<std::size_t>(m) * depth, depth, q, block.s + m * kTile,
               block.depth, false);
  }
}

inline void attend_g2(const AttendBlock<std::uint16_t>& block, float* out) {
  const auto keys = static_cast<std::size_t>(block.keys);
  for (int m = 0; m < block.width; m += kPanel) {
    panel_bf16(block.v + static_cast<std::size_t>(m) * keys, keys, block.p, out + m * kTile,
               block.keys, true);
  }
}

// P in pairs of keys. The sum is that of the rounded values, so equal rows of V come out unchanged.
inline void softmax_p(const AttendBlock<std::uint16_t>& block,
                      const AttendTile<std::uint16_t>& tile) {
  const VF c = vset(block.scale_log2);
  const __m512i half = _mm512_set1_epi32(0x8000);
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000U));
  const VB one = _mm512_set1_epi16(0x3f80);
  for (int h = 0; h < 2; ++h) {
    const VF base = vzero() - vload(tile.max + h * kLanes);
    VF sum = vload(tile.sum + h * kLanes);
    for (int r = 0; r < block.keys; r += 2) {
      const float* s = block.s + r * kTile + h * kLanes;
      const __m512i even = _mm512_castps_si512(vexp2<3>(vfma(vload(s), c, base)));
      const __m512i odd = _mm512_castps_si512(vexp2<3>(vfma(vload(s + kTile), c, base)));
      const __m512i low = _mm512_srli_epi32(_mm512_add_epi32(even, half), 16);
      // 0xf8: low or (upper and odd)
      const __m512i pair = _mm512_ternarylogic_epi32(low, upper, _mm512_add_epi32(odd, half), 0xf8);
      _mm512_storeu_si512(block.p + r * kTile + 2 * h * kLanes, pair);
      sum = bdot(sum, pair, one);
    }
    vstore(tile.sum + h * kLanes, sum);
  }
}
#endif
