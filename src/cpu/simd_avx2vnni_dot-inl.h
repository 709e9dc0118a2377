// SPDX-License-Identifier: Apache-2.0
// The integer products of simd-inl.h for AVX2 with AVX-VNNI.

// Integer dot products: activations as unsigned bytes (s + 128), weights as they lie.
inline constexpr int kIntStep = 32;
using IntX = std::uint8_t;
inline constexpr int kIntOffset = 128;
using VX = __m256i;
inline VX xload(const IntX* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
}
inline VX xset(int x) { return _mm256_set1_epi8(static_cast<char>(x)); }
inline VX wload_i8(const std::int8_t* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
}
inline VX wload_i8_n(const std::int8_t* p, int n) {
  std::int8_t part[kIntStep] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n));
  return wload_i8(part);
}
// Not the intrinsic, as in simd_avx512-inl.h. Written this way the instruction has only the VEX
// encoding that AVX-VNNI brought; without the prefix an assembler takes AVX-512's.
inline VI idot(VI acc, VX x, VX w) {
  asm(MONOCLE_VPDPBUSD " %2, %1, %0" : "+x"(acc) : "x"(x), "xm"(w));
  return acc;
}
// Nearest even; |v| must fit.
inline void vstore_int8(IntX* p, VF v) {
  const __m256i wide = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(kIntOffset));
  const __m128i half =
      _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storeu_si64(p, _mm_packus_epi16(half, half));
}

inline VI ndot(VI acc, VN codes, VN x) { return idot(acc, codes, x); }
