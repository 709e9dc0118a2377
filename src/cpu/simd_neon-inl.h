// SPDX-License-Identifier: Apache-2.0
// simd-inl.h for 64-bit Arm with the dot products of int8 and bf16.

inline constexpr int kLanes = 4;
inline constexpr int kRegisters = 32;
inline constexpr bool kBF16Products = true;
using VF = float32x4_t;
using VB = uint16x8_t;

inline VF vzero() { return vdupq_n_f32(0.0F); }
inline VF vset(float x) { return vdupq_n_f32(x); }

inline VF vload(const float* p) { return vld1q_f32(p); }
inline VF vload_n(const float* p, int n) {
  float part[kLanes] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n) * sizeof(*p));
  return vload(part);
}
inline void vstore(float* p, VF v) { vst1q_f32(p, v); }
inline void vstore_n(float* p, VF v, int n) {
  std::memcpy(p, &v, static_cast<std::size_t>(n) * sizeof(*p));
}

inline VF vload_bf16(const std::uint16_t* p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}
inline VF vload_bf16_n(const std::uint16_t* p, int n) {
  std::uint16_t part[kLanes] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n) * sizeof(*p));
  return vload_bf16(part);
}
inline uint16x4_t narrow_bf16(VF v) { return vreinterpret_u16_bf16(vcvt_bf16_f32(v)); }
inline void vstore_bf16(std::uint16_t* p, VF v) { vst1_u16(p, narrow_bf16(v)); }
inline void vstore_bf16_n(std::uint16_t* p, VF v, int n) {
  const uint16x4_t bits = narrow_bf16(v);
  std::memcpy(p, &bits, static_cast<std::size_t>(n) * sizeof(*p));
}
inline VF vload_i8(const std::int8_t* p) {
  std::uint32_t quad;
  std::memcpy(&quad, p, sizeof(quad));
  const int16x8_t wide = vmovl_s8(vreinterpret_s8_u32(vdup_n_u32(quad)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

inline VF vfma(VF a, VF b, VF c) { return vfmaq_f32(c, a, b); }
// Not FMAX and FMIN, which answer NaN when either side is one.
inline VF vmax(VF a, VF b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline VF vmin(VF a, VF b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline VF vinverse(VF v) { return vset(1.0F) / v; }
inline VF vround(VF v) { return vrndnq_f32(v); }
inline VF vpow2(VF v) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(v), vdupq_n_s32(127)), 23));
}
inline VF vless_select(VF a, VF b, VF x, VF y) { return vbslq_f32(vcltq_f32(a, b), x, y); }
inline VF vabs(VF v) { return vabsq_f32(v); }
inline VF vcopysign(VF size, VF sign) { return vbslq_f32(vdupq_n_u32(0x80000000U), sign, size); }

// Pairs of neighbours first, as the pairwise addition has it.
inline float vsum(VF v) { return vaddvq_f32(v); }
inline void vstore_sums(float* p, VF v0, VF v1, VF v2, VF v3) {
  vstore(p, vpaddq_f32(vpaddq_f32(v0, v1), vpaddq_f32(v2, v3)));
}
inline float vmax_lanes(VF v) {
  const VF pairs = vmax(v, vextq_f32(v, v, 2));
  return vgetq_lane_f32(vmax(pairs, vextq_f32(pairs, pairs, 1)), 0);
}

inline VB bload(const std::uint16_t* p) { return vld1q_u16(p); }
inline VB bload_n(const std::uint16_t* p, int n) {
  std::uint16_t part[2 * kLanes] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n) * sizeof(*p));
  return bload(part);
}
inline VF even_bf16(VB v) {
  return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_u16(v), 16));
}
inline VF odd_bf16(VB v) {
  return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_u16(v), vdupq_n_u32(0xffff0000U)));
}
inline VF bdot(VF acc, VB a, VB b) {
  return vbfdotq_f32(acc, vreinterpretq_bf16_u16(a), vreinterpretq_bf16_u16(b));
}

// Integer dot products: both sides as they are, signed bytes.
inline constexpr int kIntStep = 16;
using IntX = std::int8_t;
inline constexpr int kIntOffset = 0;
using VI = int32x4_t;
using VX = int8x16_t;
inline VX xload(const IntX* p) { return vld1q_s8(p); }
inline VX xset(int x) { return vdupq_n_s8(static_cast<std::int8_t>(x)); }
inline VX wload_i8(const std::int8_t* p) { return vld1q_s8(p); }
inline VX wload_i8_n(const std::int8_t* p, int n) {
  std::int8_t part[kIntStep] = {};
  std::memcpy(part, p, static_cast<std::size_t>(n));
  return wload_i8(part);
}
inline VI idot(VI acc, VX x, VX w) { return vdotq_s32(acc, x, w); }
inline std::int32_t isum(VI v) { return vaddvq_s32(v); }
inline void istore_sums(std::int32_t* p, VI v0, VI v1, VI v2, VI v3) {
  vst1q_s32(p, vpaddq_s32(vpaddq_s32(v0, v1), vpaddq_s32(v2, v3)));
}
// Nearest even; |v| must fit.
inline void vstore_signed(std::int8_t* p, VF v) {
  const int16x4_t half = vmovn_s32(vcvtnq_s32_f32(v));
  const int8x8_t bytes = vmovn_s16(vcombine_s16(half, half));
  std::memcpy(p, &bytes, kLanes);
}
inline void vstore_int8(IntX* p, VF v) { vstore_signed(p, v); }

// Lines of int4_group.h: kLanes outputs, four codes each.
using VN = uint8x16_t;
inline VN nload(const std::uint8_t* p) { return vld1q_u8(p); }
inline void nstore(std::uint8_t* p, VN v) { vst1q_u8(p, v); }
inline VN nlow(VN v) { return vandq_u8(v, vdupq_n_u8(15)); }
inline VN nhigh(VN v) { return vshrq_n_u8(v, 4); }
inline VN nquad(const std::int8_t* p) {
  std::uint32_t quad;
  std::memcpy(&quad, p, sizeof(quad));
  return vreinterpretq_u8_u32(vdupq_n_u32(quad));
}
inline void nquads(const VN (&rows)[4], VN (&quads)[4]) {
  const uint16x8_t a = vreinterpretq_u16_u8(vzip1q_u8(rows[0], rows[1]));
  const uint16x8_t b = vreinterpretq_u16_u8(vzip2q_u8(rows[0], rows[1]));
  const uint16x8_t c = vreinterpretq_u16_u8(vzip1q_u8(rows[2], rows[3]));
  const uint16x8_t d = vreinterpretq_u16_u8(vzip2q_u8(rows[2], rows[3]));
  quads[0] = vreinterpretq_u8_u16(vzip1q_u16(a, c));
  quads[1] = vreinterpretq_u8_u16(vzip2q_u16(a, c));
  quads[2] = vreinterpretq_u8_u16(vzip1q_u16(b, d));
  quads[3] = vreinterpretq_u8_u16(vzip2q_u16(b, d));
}
// Codes are at most 127: signed bytes hold them too.
inline VI ndot(VI acc, VN codes, VN x) {
  return vdotq_s32(acc, vreinterpretq_s8_u8(codes), vreinterpretq_s8_u8(x));
}
inline VI nbits(VN v, unsigned shift) {
  const uint32x4_t down = vshlq_u32(vreinterpretq_u32_u8(v), vdupq_n_s32(-static_cast<int>(shift)));
  return vreinterpretq_s32_u32(vandq_u32(down, vdupq_n_u32(15)));
}
inline VI iset(std::int32_t x) { return vdupq_n_s32(x); }
inline VI iadd(VI a, VI b) { return vaddq_s32(a, b); }
inline VI isub(VI a, VI b) { return vsubq_s32(a, b); }
inline VI imul(VI a, VI b) { return vmulq_s32(a, b); }
inline VF ifloat(VI v) { return vcvtq_f32_s32(v); }
inline void istore(std::int32_t* p, VI v) { vst1q_s32(p, v); }
// (code - zero) step per byte.
inline VN nscale(VN codes, VI step, VI zero) {
  const VI bytes = iset(0x01010101);
  const uint8x16_t offset = vreinterpretq_u8_s32(imul(imul(step, zero), bytes));
  return vsubq_u8(vmulq_u8(codes, vreinterpretq_u8_s32(imul(step, bytes))), offset);
}
