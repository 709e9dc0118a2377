// SPDX-License-Identifier: Apache-2.0
// simd-inl.h for AVX2 with FMA.

inline constexpr int kLanes = 8;
inline constexpr int kRegisters = 16;
inline constexpr bool kBF16Products = false;
using VF = __m256;
using VB = __m256i;

inline VF vzero() { return _mm256_setzero_ps(); }
inline VF vset(float x) { return _mm256_set1_ps(x); }

// All ones in the n lowest 32-bit lanes.
inline __m256i lane_mask(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline VF vload(const float* p) { return _mm256_loadu_ps(p); }
inline VF vload_n(const float* p, int n) { return _mm256_maskload_ps(p, lane_mask(n)); }
inline void vstore(float* p, VF v) { _mm256_storeu_ps(p, v); }
inline void vstore_n(float* p, VF v, int n) { _mm256_maskstore_ps(p, lane_mask(n), v); }

inline VF widen_bf16(__m128i bits) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline __m128i narrow_bf16(VF v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x00400000));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i high = _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, nan), 16);
  return _mm_packus_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
}
inline VF vload_bf16(const std::uint16_t* p) {
  return widen_bf16(_mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p))));
}
inline VF vload_bf16_n(const std::uint16_t* p, int n) {
  std::uint16_t part[kLanes] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n) * sizeof(*p));
  return vload_bf16(part);
}
inline void vstore_bf16(std::uint16_t* p, VF v) {
  _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(p)), narrow_bf16(v));
}
inline void vstore_bf16_n(std::uint16_t* p, VF v, int n) {
  std::uint16_t part[kLanes];
  vstore_bf16(part, v);
  std::memcpy(p, part, static_cast<std::size_t>(n) * sizeof(*p));
}
inline VF vload_i8(const std::int8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadu_si64(p)));
}

inline VF vfma(VF a, VF b, VF c) { return _mm256_fmadd_ps(a, b, c); }
inline VF vmax(VF a, VF b) { return _mm256_max_ps(a, b); }
inline VF vmin(VF a, VF b) { return _mm256_min_ps(a, b); }
inline VF vinverse(VF v) { return vset(1.0F) / v; }
inline VF vround(VF v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline VF vpow2(VF v) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(v), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23));
}
inline VF vless_select(VF a, VF b, VF x, VF y) {
  return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
}
inline VF vabs(VF v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v); }
inline VF vcopysign(VF size, VF sign) {
  return _mm256_or_ps(vabs(size), _mm256_and_ps(_mm256_set1_ps(-0.0F), sign));
}

inline float vsum(VF v) {
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline void vstore_sums(float* p, VF v0, VF v1, VF v2, VF v3) {
  p[0] = vsum(v0);
  p[1] = vsum(v1);
  p[2] = vsum(v2);
  p[3] = vsum(v3);
}
inline float vmax_lanes(VF v) {
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

inline VB bload(const std::uint16_t* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
}
inline VB bload_n(const std::uint16_t* p, int n) {
  std::uint16_t part[2 * kLanes] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n) * sizeof(*p));
  return bload(part);
}
inline VF even_bf16(VB v) { return _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)); }
inline VF odd_bf16(VB v) {
  return _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32(-65536)));
}
inline VF bdot(VF acc, VB a, VB b) {
  return vfma(odd_bf16(a), odd_bf16(b), vfma(even_bf16(a), even_bf16(b), acc));
}

using VI = __m256i;
inline std::int32_t isum(VI v) {
  const __m128i b = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i c = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
}
inline void istore_sums(std::int32_t* p, VI v0, VI v1, VI v2, VI v3) {
  p[0] = isum(v0);
  p[1] = isum(v1);
  p[2] = isum(v2);
  p[3] = isum(v3);
}

// Lines of int4_group.h: kLanes outputs, four codes each.
using VN = __m256i;
inline VN nload(const std::uint8_t* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p)));
}
inline void nstore(std::uint8_t* p, VN v) {
  _mm256_storeu_si256(static_cast<__m256i*>(static_cast<void*>(p)), v);
}
inline VN nlow(VN v) { return _mm256_and_si256(v, _mm256_set1_epi8(15)); }
inline VN nhigh(VN v) { return nlow(_mm256_srli_epi16(v, 4)); }
inline VN nquad(const std::int8_t* p) {
  std::int32_t quad;
  std::memcpy(&quad, p, sizeof(quad));
  return _mm256_set1_epi32(quad);
}
inline VI nbits(VN v, unsigned shift) {
  return _mm256_and_si256(_mm256_srli_epi32(v, static_cast<int>(shift)), _mm256_set1_epi32(15));
}
inline VI iset(std::int32_t x) { return _mm256_set1_epi32(x); }
inline VI iadd(VI a, VI b) { return _mm256_add_epi32(a, b); }
inline VI isub(VI a, VI b) { return _mm256_sub_epi32(a, b); }
inline VI imul(VI a, VI b) { return _mm256_mullo_epi32(a, b); }
inline void istore(std::int32_t* p, VI v) {
  _mm256_storeu_si256(static_cast<__m256i*>(static_cast<void*>(p)), v);
}
// (code - zero) step per byte. A pair of codes times a step stays inside its two bytes.
inline VN nscale(VN codes, VI step, VI zero) {
  const __m256i offset = imul(imul(step, zero), iset(0x01010101));
  return _mm256_sub_epi8(_mm256_mullo_epi16(codes, imul(step, iset(0x00010001))), offset);
}
inline void vstore_signed(std::int8_t* p, VF v) {
  const __m256i wide = _mm256_cvtps_epi32(v);
  const __m128i half =
      _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
  _mm_storeu_si64(p, _mm_packs_epi16(half, half));
}
