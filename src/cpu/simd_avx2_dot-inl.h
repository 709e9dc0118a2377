// SPDX-License-Identifier: Apache-2.0
// The integer products of simd-inl.h for AVX2 without VNNI.

// Integer dot products: both sides as 16-bit integers. VPMADDUBSW on bytes would saturate; the sign
// trick that avoids it costs as many instructions as widening does, once activations are stored
// widened.
inline constexpr int kIntStep = 16;
using IntX = std::int16_t;
inline constexpr int kIntOffset = 0;
using VX = __m256i;
inline VX xload(const IntX* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
}
inline VX xset(int x) { return _mm256_set1_epi16(static_cast<short>(x)); }
inline VX wload_i8(const std::int8_t* p) {
  return _mm256_cvtepi8_epi16(
      _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p))));
}
inline VX wload_i8_n(const std::int8_t* p, int n) {
  std::int8_t part[kIntStep] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n));
  return wload_i8(part);
}
inline VI idot(VI acc, VX x, VX w) { return _mm256_add_epi32(acc, _mm256_madd_epi16(x, w)); }
inline void vstore_int8(IntX* p, VF v) {
  const __m256i wide = _mm256_cvtps_epi32(v);
  _mm_storeu_si128(
      static_cast<__m128i*>(static_cast<void*>(p)),
      _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1)));
}

// Codes up to 127: a pair of VPMADDUBSW is at most 2 x 127 x 128, just below saturation.
inline VI ndot(VI acc, VN codes, VN x) {
  const __m256i pairs = _mm256_maddubs_epi16(codes, x);
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
