// SPDX-License-Identifier: Apache-2.0
// simd-inl.h for any target of GCC or Clang: their generic 16-byte vectors become SSE2 on x86-64
// and NEON on aarch64.

inline constexpr int kLanes = 4;
inline constexpr int kRegisters = 16;
inline constexpr bool kBF16Products = false;
using VF = float __attribute__((vector_size(16)));
using VI = std::int32_t __attribute__((vector_size(16)));
using VU = std::uint32_t __attribute__((vector_size(16)));
using VB = VU;  // lane i holds bf16 2i in its low half, 2i + 1 in its high half (little endian)

inline VF vzero() { return VF{}; }
inline VF vset(float x) { return VF{x, x, x, x}; }

inline VF vload(const float* p) {
  VF v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline VF vload_n(const float* p, int n) {
  VF v{};
  std::memcpy(&v, p, static_cast<std::size_t>(n) * sizeof(float));
  return v;
}
inline void vstore(float* p, VF v) { std::memcpy(p, &v, sizeof(v)); }
inline void vstore_n(float* p, VF v, int n) {
  std::memcpy(p, &v, static_cast<std::size_t>(n) * sizeof(float));
}

inline VF vload_bf16_n(const std::uint16_t* p, int n) {
  VF v{};
  for (int i = 0; i < n; ++i) {
    v[i] = bf16_to_float(p[i]);
  }
  return v;
}
inline VF vload_bf16(const std::uint16_t* p) {
  using Half = std::uint16_t __attribute__((vector_size(8)));
  Half bits;
  std::memcpy(&bits, p, sizeof(bits));
  return __builtin_bit_cast(VF, __builtin_convertvector(bits, VU) << 16);
}
inline void vstore_bf16_n(std::uint16_t* p, VF v, int n) {
  for (int i = 0; i < n; ++i) {
    p[i] = float_to_bf16(v[i]);
  }
}
inline void vstore_bf16(std::uint16_t* p, VF v) { vstore_bf16_n(p, v, kLanes); }
inline VF vload_i8(const std::int8_t* p) {
  return VF{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]),
            static_cast<float>(p[3])};
}

inline VF vfma(VF a, VF b, VF c) { return a * b + c; }
inline VF vmax(VF a, VF b) { return a > b ? a : b; }
inline VF vmin(VF a, VF b) { return a < b ? a : b; }
inline VF vinverse(VF v) { return vset(1.0F) / v; }
inline VF vless_select(VF a, VF b, VF x, VF y) { return a < b ? x : y; }
inline VF vabs(VF v) { return __builtin_bit_cast(VF, __builtin_bit_cast(VU, v) & 0x7fffffffU); }
inline VF vcopysign(VF size, VF sign) {
  const VU magnitude = __builtin_bit_cast(VU, size) & 0x7fffffffU;
  return __builtin_bit_cast(VF, magnitude | (__builtin_bit_cast(VU, sign) & 0x80000000U));
}
// Adding 1.5 * 2^23 leaves no bits for a fraction; exact for |v| < 2^22, which is all that exp
// needs.
inline VF vround(VF v) {
  const VF magic = vset(12582912.0F);
  return (v + magic) - magic;
}
inline VF vpow2(VF v) {
  return __builtin_bit_cast(VF, (__builtin_convertvector(v, VI) + 127) << 23);
}

inline float vsum(VF v) { return (v[0] + v[2]) + (v[1] + v[3]); }
inline void vstore_sums(float* p, VF v0, VF v1, VF v2, VF v3) {
  p[0] = vsum(v0);
  p[1] = vsum(v1);
  p[2] = vsum(v2);
  p[3] = vsum(v3);
}
inline float vmax_lanes(VF v) { return std::max(std::max(v[0], v[1]), std::max(v[2], v[3])); }

inline VB bload(const std::uint16_t* p) {
  VB v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline VB bload_n(const std::uint16_t* p, int n) {
  VB v{};
  std::memcpy(&v, p, static_cast<std::size_t>(n) * sizeof(*p));
  return v;
}
inline VF even_bf16(VB v) { return __builtin_bit_cast(VF, v << 16); }
inline VF odd_bf16(VB v) { return __builtin_bit_cast(VF, v & 0xffff0000U); }
inline VF bdot(VF acc, VB a, VB b) {
  return vfma(odd_bf16(a), odd_bf16(b), vfma(even_bf16(a), even_bf16(b), acc));
}

// Integer dot products: both sides as 16-bit integers.
inline constexpr int kIntStep = 8;
using IntX = std::int16_t;
inline constexpr int kIntOffset = 0;
using VX = std::int16_t __attribute__((vector_size(16)));
inline VX xload(const IntX* p) {
  VX v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline VX xset(int x) {
  const auto s = static_cast<std::int16_t>(x);
  return VX{s, s, s, s, s, s, s, s};
}
inline VX wload_i8_n(const std::int8_t* p, int n) {
  VX v{};
  for (int i = 0; i < n; ++i) {
    v[i] = p[i];
  }
  return v;
}
inline VX wload_i8(const std::int8_t* p) {
  using Bytes = std::int8_t __attribute__((vector_size(8)));
  Bytes bytes;
  std::memcpy(&bytes, p, sizeof(bytes));
  return __builtin_convertvector(bytes, VX);
}
inline VI idot(VI acc, VX x, VX w) {
#if MONOCLE_CPU_X86
  return acc + __builtin_bit_cast(VI, _mm_madd_epi16(__builtin_bit_cast(__m128i, x),
                                                     __builtin_bit_cast(__m128i, w)));
#else
  for (int i = 0; i < kLanes; ++i) {
    acc[i] += x[2 * i] * w[2 * i] + x[2 * i + 1] * w[2 * i + 1];
  }
  return acc;
#endif
}
inline std::int32_t isum(VI v) { return (v[0] + v[2]) + (v[1] + v[3]); }
inline void istore_sums(std::int32_t* p, VI v0, VI v1, VI v2, VI v3) {
  p[0] = isum(v0);
  p[1] = isum(v1);
  p[2] = isum(v2);
  p[3] = isum(v3);
}
inline void vstore_int8(IntX* p, VF v) {
  for (int i = 0; i < kLanes; ++i) {
    p[i] = static_cast<std::int16_t>(std::nearbyint(v[i]));
  }
}

// Lines of int4_group.h: kLanes outputs, four codes each.
using VN = std::uint8_t __attribute__((vector_size(16)));
inline VN nload(const std::uint8_t* p) {
  VN v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline void nstore(std::uint8_t* p, VN v) { std::memcpy(p, &v, sizeof(v)); }
inline VN nlow(VN v) { return v & 15; }
inline VN nhigh(VN v) { return v >> 4; }
inline VN nquad(const std::int8_t* p) {
  std::int32_t quad;
  std::memcpy(&quad, p, sizeof(quad));
  return __builtin_bit_cast(VN, VI{quad, quad, quad, quad});
}
inline VI ndot(VI acc, VN codes, VN x) {
  const VX c = __builtin_bit_cast(VX, codes);  // two bytes a lane, the lower one even
  const VX s = __builtin_bit_cast(VX, x);
  acc = idot(acc, c & 255, (s << 8) >> 8);
  return idot(acc, c >> 8, s >> 8);
}
inline VI nbits(VN v, unsigned shift) { return __builtin_bit_cast(VI, v) >> shift & 15; }
inline VI iset(std::int32_t x) { return VI{x, x, x, x}; }
inline VI iadd(VI a, VI b) { return a + b; }
inline VI isub(VI a, VI b) { return a - b; }
inline VI imul(VI a, VI b) { return a * b; }
inline void istore(std::int32_t* p, VI v) { std::memcpy(p, &v, sizeof(v)); }
// (code - zero) step per byte.
inline VN nscale(VN codes, VI step, VI zero) {
  const VI quad = step * 0x01010101;
  const VI offset = step * zero * 0x01010101;
  return codes * __builtin_bit_cast(VN, quad) - __builtin_bit_cast(VN, offset);
}
inline void vstore_signed(std::int8_t* p, VF v) {
  for (int i = 0; i < kLanes; ++i) {
    p[i] = static_cast<std::int8_t>(std::nearbyint(v[i]));
  }
}
