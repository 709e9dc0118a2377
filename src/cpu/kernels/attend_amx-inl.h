// SPDX-License-Identifier: Apache-2.0
// The bf16 products of attend_core-inl.h on AMX tiles, and an exponential cheap enough to keep up
// with them.
//
// K and V come from L2 for each query tile; their loads hint that they need not stay in L1, where
// the tile's own operands are.
//
// A tile of A is 16 rows of 32 elements, of B 16 pairs of rows by 16 lanes, of C 16 rows of 16
// lanes, so a query tile is two B tiles wide. K and V are read where they lie, row-major. All
// operands are padded to whole tiles by whoever packs them.

// c[rows][kTile] (+)= a[rows][depth] b; rows a multiple of 16, depth of 32. 2x2 tiles of C: four
// loads feed four products.
template <bool kAccumulate>
inline void tiles_bf16(const std::uint16_t* a, int row, const std::uint16_t* b, float* c, int rows,
                       int depth) {
  constexpr int kStride = kTile * 4;  // bytes of a row of C and of a pair of rows of B
  const int a_stride = row * 2;
  int m = 0;
  for (; m + 32 <= rows; m += 32) {
    float* upper = c + m * kTile;
    float* lower = upper + 16 * kTile;
    if constexpr (kAccumulate) {
      _tile_loadd(0, upper, kStride);
      _tile_loadd(1, upper + 16, kStride);
      _tile_loadd(2, lower, kStride);
      _tile_loadd(3, lower + 16, kStride);
    } else {
      _tile_zero(0);
      _tile_zero(1);
      _tile_zero(2);
      _tile_zero(3);
    }
    const std::uint16_t* am = a + static_cast<std::ptrdiff_t>(m) * row;
    for (int k = 0; k < depth; k += 32) {
      _tile_stream_loadd(4, am + k, a_stride);
      _tile_loadd(6, b + k * kTile, kStride);
      _tile_loadd(7, b + k * kTile + 32, kStride);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_stream_loadd(5, am + 16 * row + k, a_stride);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, upper, kStride);
    _tile_stored(1, upper + 16, kStride);
    _tile_stored(2, lower, kStride);
    _tile_stored(3, lower + 16, kStride);
  }
  if (m < rows) {
    float* upper = c + m * kTile;
    if constexpr (kAccumulate) {
      _tile_loadd(0, upper, kStride);
      _tile_loadd(1, upper + 16, kStride);
    } else {
      _tile_zero(0);
      _tile_zero(1);
    }
    const std::uint16_t* am = a + static_cast<std::ptrdiff_t>(m) * row;
    for (int k = 0; k < depth; k += 32) {
      _tile_stream_loadd(4, am + k, a_stride);
      _tile_loadd(6, b + k * kTile, kStride);
      _tile_loadd(7, b + k * kTile + 32, kStride);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
    }
    _tile_stored(0, upper, kStride);
    _tile_stored(1, upper + 16, kStride);
  }
}

// GCC's tile loads do not say that they read memory: the barriers keep earlier vector stores before
// them.
inline void attend_g1(const AttendBlock<std::uint16_t>& block, const std::uint16_t* q) {
  asm volatile("" ::: "memory");
  tiles_bf16<false>(block.k, block.depth, q, block.s, block.keys, block.depth);
}

inline void attend_g2(const AttendBlock<std::uint16_t>& block, float* out) {
  asm volatile("" ::: "memory");
  tiles_bf16<true>(block.v, block.keys, block.p, out, block.width, block.keys);
}

// kMantissa[i] = 128 (2^(i/128) - 1), rounded: the 7 mantissa bits of 2^(i/128) as a bf16.
alignas(64) inline constexpr std::uint8_t kMantissa[128] = {
    0,   1,   1,   2,   3,   4,   4,   5,   6,   6,   7,   8,   9,   9,   10,  11,  12,  12,  13,
    14,  15,  15,  16,  17,  18,  19,  19,  20,  21,  22,  23,  23,  24,  25,  26,  27,  28,  28,
    29,  30,  31,  32,  33,  34,  34,  35,  36,  37,  38,  39,  40,  41,  42,  43,  43,  44,  45,
    46,  47,  48,  49,  50,  51,  52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  62,  63,  64,
    65,  66,  67,  68,  69,  70,  72,  73,  74,  75,  76,  77,  78,  79,  80,  82,  83,  84,  85,
    86,  87,  88,  90,  91,  92,  93,  94,  96,  97,  98,  99,  100, 102, 103, 104, 105, 107, 108,
    109, 111, 112, 113, 115, 116, 117, 118, 120, 121, 123, 124, 125, 127,
};

// P in pairs of keys, as bf16 bits straight from integers: x = 128 (t + 127) rounded, whose upper 9
// bits are sign and exponent of 2^t and whose lower 7 index the mantissa. Rounding t to 1/128 costs
// at most 0.27 % of a P on top of bf16's own 0.2 %, with no bias; the sum is that of the rounded
// values, so equal rows of V come out unchanged. Adding 1.5 * 2^23 leaves x in the low bits of the
// float; the clamp sends -inf and underflow to x = 0, which is 0.
inline void softmax_p(const AttendBlock<std::uint16_t>& block,
                      const AttendTile<std::uint16_t>& tile) {
  const VF magic = vset(12582912.0F);
  const VF c = vset(block.scale_log2 * 128.0F);
  const VF bias = vset(12582912.0F + 127.0F * 128.0F);
  const VF base0 = vfma(vload(tile.max), vset(-128.0F), bias);
  const VF base1 = vfma(vload(tile.max + kLanes), vset(-128.0F), bias);
  const __m512i low_half = _mm512_set1_epi32(0xffff);
  const __m512i mantissa = _mm512_set1_epi32(0x007f007f);
  const __m512i table0 = _mm512_load_si512(kMantissa);
  const __m512i table1 = _mm512_load_si512(kMantissa + 64);
  const VB one = _mm512_set1_epi16(0x3f80);
  VF sum0 = vload(tile.sum);
  VF sum1 = vload(tile.sum + kLanes);
  const auto pair = [&](const float* s, VF base) {
    const __m512i even = _mm512_castps_si512(vmax(magic, vfma(vload(s), c, base)));
    const __m512i odd = _mm512_castps_si512(vmax(magic, vfma(vload(s + kTile), c, base)));
    // 0xea: (low_half and even) or odd << 16
    const __m512i x = _mm512_ternarylogic_epi32(low_half, even, _mm512_slli_epi32(odd, 16), 0xea);
    const __m512i found = _mm512_permutex2var_epi8(table0, x, table1);
    return _mm512_ternarylogic_epi32(mantissa, found, x, 0xca);  // mantissa ? found : x
  };
  for (int r = 0; r < block.keys; r += 2) {
    const __m512i p0 = pair(block.s + r * kTile, base0);
    const __m512i p1 = pair(block.s + r * kTile + kLanes, base1);
    _mm512_store_si512(block.p + r * kTile, p0);
    _mm512_store_si512(block.p + r * kTile + 2 * kLanes, p1);
    sum0 = bdot(sum0, p0, one);
    sum1 = bdot(sum1, p1, one);
  }
  vstore(tile.sum, sum0);
  vstore(tile.sum + kLanes, sum1);
}
