// SPDX-License-Identifier: Apache-2.0
// Between rows as the model has them and the operands of attend_core-inl.h: transposed queries,
// values by key block, outputs turned back. On AVX-512 in registers, 16 x 16 dwords at a time;
// elsewhere the arithmetic takes ten times longer than the moves, which stay plain loops.

#include "cpu/kernels/elements-inl.h"

#if MONOCLE_ISA_AVX512
inline void transpose_16x16(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// Element pairs are dwords, so bf16 queries in pairs and float queries are the same move. depth is
// a multiple of 32.
template <class T>
inline void transpose_queries(const T* rows, int depth, T* q) {
  constexpr int kPerDword = static_cast<int>(sizeof(float) / sizeof(T));
  for (int lane = 0; lane < kTile; lane += 16) {
    for (int c = 0; c < depth; c += 16 * kPerDword) {
      __m512i block[16];
      for (int i = 0; i < 16; ++i) {
        block[i] = _mm512_loadu_si512(rows + (lane + i) * depth + c);
      }
      transpose_16x16(block);
      for (int i = 0; i < 16; ++i) {
        _mm512_storeu_si512(q + (c / kPerDword + i) * kTile * kPerDword + lane * kPerDword,
                            block[i]);
      }
    }
  }
}

// Columns [0, 32) of v [width][stride] from 32 rows of head_dim; a null row is zero. Two keys make
// the dwords.
template <class In>
inline void transpose_values(const In* const* rows, int head_dim, int width, int stride,
                             std::uint16_t* v) {
  alignas(64) static constexpr std::uint16_t kInterleave[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  const __m512i interleave = _mm512_load_si512(kInterleave);
  for (int d = 0; d < width; d += kLanes) {
    const int lanes = std::clamp(head_dim - d, 0, kLanes);
    __m512i block[16];
    for (int i = 0; i < 16; ++i) {
      const VF even = rows[2 * i] == nullptr ? vzero() : vget_n(rows[2 * i] + d, lanes);
      const VF odd = rows[2 * i + 1] == nullptr ? vzero() : vget_n(rows[2 * i + 1] + d, lanes);
      const auto halves = __builtin_bit_cast(__m512i, _mm512_cvtne2ps_pbh(odd, even));
      block[i] = _mm512_permutexvar_epi16(interleave, halves);
    }
    transpose_16x16(block);
    for (int i = 0; i < 16; ++i) {
      _mm512_storeu_si512(v + (d + i) * stride, block[i]);
    }
  }
}

// y[lane] = out[.][lane] / sum[lane] for the 16 lanes from `lane`; rows[i] may be null.
template <class T, class Out>
inline void finish_lanes(const AttendTile<T>& tile, int lane, int head_dim, Out* const* rows) {
  const VF inverse = vset(1.0F) / vload(tile.sum + lane);
  for (int d = 0; d < head_dim; d += 16) {
    __m512i block[16];
    for (int i = 0; i < 16; ++i) {  // rows up to the padded width exist
      block[i] = _mm512_castps_si512(vload(tile.out + (d + i) * kTile + lane) * inverse);
    }
    transpose_16x16(block);
    const int lanes = std::min(16, head_dim - d);
    for (int i = 0; i < 16; ++i) {
      if (rows[i] != nullptr) {
        vput_n(rows[i] + d, _mm512_castsi512_ps(block[i]), lanes);
      }
    }
  }
}
#else
inline void transpose_queries(const float* rows, int depth, float* q) {
  for (int lane = 0; lane < kTile; ++lane) {
    for (int d = 0; d < depth; ++d) {
      q[d * kTile + lane] = rows[lane * depth + d];
    }
  }
}

template <class T, class Out>
inline void finish_lanes(const AttendTile<T>& tile, int lane, int head_dim, Out* const* rows) {
  alignas(64) float row[kMaxHeadDim];
  for (int i = 0; i < std::min(16, kTile - lane); ++i) {
    if (rows[i] == nullptr) {
      continue;
    }
    const float inverse = 1.0F / tile.sum[lane + i];
    for (int d = 0; d < head_dim; ++d) {
      row[d] = tile.out[d * kTile + lane + i] * inverse;
    }
    each_vector(head_dim, [&](std::int64_t d, int lanes) {
      vput_n(rows[i] + d, vload_n(row + d, lanes), lanes);
    });
  }
}
#endif

// Values in f32 keep their rows: [keys][width].
template <class In>
inline void transpose_values(const In* const* rows, int head_dim, int width, int, float* v) {
  for (int i = 0; i < kKeyPad; ++i, v += width) {
    std::memset(v, 0, static_cast<std::size_t>(width) * sizeof(float));
    if (rows[i] != nullptr) {
      each_vector(head_dim, [&](std::int64_t d, int lanes) {
        vstore_n(v + d, vget_n(rows[i] + d, lanes), lanes);
      });
    }
  }
}
// Where the 32 keys from `key` begin in a block of `keys`.
inline float* value_columns(float* v, int key, int width) { return v + key * width; }
inline std::uint16_t* value_columns(std::uint16_t* v, int key, int) { return v + key; }

// One row of an operand that keeps its rows, zero from `count` up to `padded`; null is a zero row.
template <class In, class T>
inline void pack_row(const In* in, int count, int padded, T* out) {
  if (in == nullptr) {
    std::memset(out, 0, static_cast<std::size_t>(padded) * sizeof(T));
    return;
  }
  each_vector(count,
              [&](std::int64_t c, int lanes) { vput_n(out + c, vget_n(in + c, lanes), lanes); });
  std::memset(out + count, 0, static_cast<std::size_t>(padded - count) * sizeof(T));
}
