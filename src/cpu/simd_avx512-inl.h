// SPDX-License-Identifier: Apache-2.0
// simd-inl.h for AVX-512 with BF16. No _mm512_reduce_*: GCC 12 warns falsely inside them.

inline constexpr int kLanes = 16;
inline constexpr int kRegisters = 32;
inline constexpr bool kBF16Products = true;
using VF = __m512;
using VB = __m512i;

inline VF vzero() { return _mm512_setzero_ps(); }
inline VF vset(float x) { return _mm512_set1_ps(x); }

// The n lowest lanes; n in [0, 16].
inline __mmask16 lane_mask(int n) { return static_cast<__mmask16>((1U << n) - 1U); }

inline VF vload(const float* p) { return _mm512_loadu_ps(p); }
inline VF vload_n(const float* p, int n) { return _mm512_maskz_loadu_ps(lane_mask(n), p); }
inline void vstore(float* p, VF v) { _mm512_storeu_ps(p, v); }
inline void vstore_n(float* p, VF v, int n) { _mm512_mask_storeu_ps(p, lane_mask(n), v); }

inline VF widen_bf16(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
// In integers like the scalar conversion: VCVTNEPS2BF16 flushes subnormals, which would break byte
// equality.
inline __m256i narrow_bf16(VF v) {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x00400000));
  const __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_mask_mov_epi32(rounded, nan, quiet), 16));
}
inline VF vload_bf16(const std::uint16_t* p) {
  return widen_bf16(_mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(p))));
}
inline VF vload_bf16_n(const std::uint16_t* p, int n) {
  return widen_bf16(_mm256_maskz_loadu_epi16(lane_mask(n), p));
}
inline void vstore_bf16(std::uint16_t* p, VF v) {
  _mm256_storeu_si256(static_cast<__m256i*>(static_cast<void*>(p)), narrow_bf16(v));
}
inline void vstore_bf16_n(std::uint16_t* p, VF v, int n) {
  _mm256_mask_storeu_epi16(p, lane_mask(n), narrow_bf16(v));
}
inline VF vload_i8(const std::int8_t* p) {
  const __m128i bytes = _mm_loadu_si128(static_cast<const __m128i*>(static_cast<const void*>(p)));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes));
}

inline VF vfma(VF a, VF b, VF c) { return _mm512_fmadd_ps(a, b, c); }
inline VF vmax(VF a, VF b) { return _mm512_max_ps(a, b); }
inline VF vmin(VF a, VF b) { return _mm512_min_ps(a, b); }
// 1 / v for v in [1, 1e38], an ulp or two off: a division takes as long as ten other operations.
inline VF vinverse(VF v) {
  const VF r = _mm512_rcp14_ps(v);
  return _mm512_fmadd_ps(r, _mm512_fnmadd_ps(r, v, _mm512_set1_ps(1.0F)), r);
}
// Without optimisation this intrinsic is a macro, whose casts warn here instead of in its header.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
inline VF vround(VF v) {
  return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
#pragma GCC diagnostic pop
inline VF vpow2(VF v) { return _mm512_scalef_ps(_mm512_set1_ps(1.0F), v); }
inline VF vscale2(VF p, VF n) { return _mm512_scalef_ps(p, n); }
inline VF vless_select(VF a, VF b, VF x, VF y) {
  return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), x);
}
inline VF vabs(VF v) {
  return _mm512_castsi512_ps(
      _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32(0x7fffffff)));
}
inline VF vcopysign(VF size, VF sign) {
  const __m512i mask = _mm512_set1_epi32(0x7fffffff);  // ternary 0xca: mask ? size : sign
  return _mm512_castsi512_ps(
      _mm512_ternarylogic_epi32(mask, _mm512_castps_si512(size), _mm512_castps_si512(sign), 0xca));
}

inline __m256 upper_half(VF v) { return _mm512_extractf32x8_ps(v, 1); }
inline float vsum(VF v) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), upper_half(v));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float vmax_lanes(VF v) {
  const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), upper_half(v));
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

inline VB bload(const std::uint16_t* p) { return _mm512_loadu_si512(p); }
inline VB bload_n(const std::uint16_t* p, int n) {
  return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((std::uint64_t{1} << n) - 1U), p);
}
inline VF bdot(VF acc, VB a, VB b) {
  return _mm512_dpbf16_ps(acc, __builtin_bit_cast(__m512bh, a), __builtin_bit_cast(__m512bh, b));
}

// Four vectors to their four sums, each added in the order of vsum.
inline void vstore_sums(float* p, VF v0, VF v1, VF v2, VF v3) {
  const VF a =
      _mm512_add_ps(_mm512_shuffle_f32x4(v0, v1, 0x44), _mm512_shuffle_f32x4(v0, v1, 0xee));
  const VF b =
      _mm512_add_ps(_mm512_shuffle_f32x4(v2, v3, 0x44), _mm512_shuffle_f32x4(v2, v3, 0xee));
  const VF c = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  const VF d = _mm512_add_ps(c, _mm512_permute_ps(c, 0x4e));
  const VF e = _mm512_add_ps(d, _mm512_permute_ps(d, 0xb1));
  _mm_storeu_ps(p, _mm512_castps512_ps128(_mm512_permutexvar_ps(
                       _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12), e)));
}

// Integer dot products: activations as unsigned bytes (s + 128), weights as they lie.
inline constexpr int kIntStep = 64;  // products per idot
using IntX = std::uint8_t;
inline constexpr int kIntOffset = 128;  // what was added to every activation
using VI = __m512i;
using VX = __m512i;
inline VX xload(const IntX* p) { return _mm512_loadu_si512(p); }
inline VX xset(int x) { return _mm512_set1_epi8(static_cast<char>(x)); }
inline VX wload_i8(const std::int8_t* p) { return _mm512_loadu_si512(p); }
inline VX wload_i8_n(const std::int8_t* p, int n) {
  return _mm512_maskz_loadu_epi8(n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1, p);
}
// Not the intrinsic: around it GCC 12 copies and spills accumulators, which halves the speed of a
// loop that has two dozen of them.
inline VI idot(VI acc, VX x, VX w) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "vm"(w));
  return acc;
}
inline std::int32_t isum(VI v) {
  const __m256i a = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
  const __m128i b = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i c = _mm_add_epi32(b, _mm_shuffle_epi32(b, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
}
inline void istore_sums(std::int32_t* p, VI v0, VI v1, VI v2, VI v3) {
  // Sums of pairs of lanes, then of pairs of those: quarter q of d holds lane group q of all four.
  const __m512i a = _mm512_add_epi32(_mm512_unpacklo_epi32(v0, v1), _mm512_unpackhi_epi32(v0, v1));
  const __m512i b = _mm512_add_epi32(_mm512_unpacklo_epi32(v2, v3), _mm512_unpackhi_epi32(v2, v3));
  const __m512i c = _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
  const __m256i d = _mm256_add_epi32(_mm512_castsi512_si256(c), _mm512_extracti64x4_epi64(c, 1));
  _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(p)),
                   _mm_add_epi32(_mm256_castsi256_si128(d), _mm256_extracti128_si256(d, 1)));
}
// Nearest even; |v| must fit.
inline void vstore_int8(IntX* p, VF v) {
  const __m512i shifted = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(kIntOffset));
  _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(p)), _mm512_cvtepi32_epi8(shifted));
}

// Lines of int4_group.h: kLanes outputs, four codes each.
using VN = __m512i;
inline VN nload(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
inline void nstore(std::uint8_t* p, VN v) { _mm512_storeu_si512(p, v); }
inline VN nlow(VN v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
inline VN nhigh(VN v) { return nlow(_mm512_srli_epi16(v, 4)); }
inline VN nquad(const std::int8_t* p) {
  std::int32_t quad;
  std::memcpy(&quad, p, sizeof(quad));
  return _mm512_set1_epi32(quad);
}
inline VI ndot(VI acc, VN codes, VN x) { return idot(acc, codes, x); }
inline void nquads(const VN (&rows)[4], VN (&quads)[4]) {
  const VN a = _mm512_unpacklo_epi8(rows[0], rows[1]);
  const VN b = _mm512_unpackhi_epi8(rows[0], rows[1]);
  const VN c = _mm512_unpacklo_epi8(rows[2], rows[3]);
  const VN d = _mm512_unpackhi_epi8(rows[2], rows[3]);
  quads[0] = _mm512_unpacklo_epi16(a, c);
  quads[1] = _mm512_unpackhi_epi16(a, c);
  quads[2] = _mm512_unpacklo_epi16(b, d);
  quads[3] = _mm512_unpackhi_epi16(b, d);
}
inline VI nbits(VN v, unsigned shift) {
  return _mm512_and_si512(_mm512_srli_epi32(v, shift), _mm512_set1_epi32(15));
}
inline VI iset(std::int32_t x) { return _mm512_set1_epi32(x); }
inline VI iadd(VI a, VI b) { return _mm512_add_epi32(a, b); }
inline VI isub(VI a, VI b) { return _mm512_sub_epi32(a, b); }
inline VI imul(VI a, VI b) { return _mm512_mullo_epi32(a, b); }
inline VF ifloat(VI v) { return _mm512_cvtepi32_ps(v); }
inline void istore(std::int32_t* p, VI v) { _mm512_storeu_si512(p, v); }
// (code - zero) step per byte. A pair of codes times a step stays inside its two bytes.
inline VN nscale(VN codes, VI step, VI zero) {
  const __m512i offset = imul(imul(step, zero), iset(0x01010101));
  return _mm512_sub_epi8(_mm512_mullo_epi16(codes, imul(step, iset(0x00010001))), offset);
}
inline void vstore_signed(std::int8_t* p, VF v) {
  _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(p)),
                   _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
}
