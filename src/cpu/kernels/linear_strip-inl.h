// SPDX-License-Identifier: Apache-2.0
// Strips of W: 32 rows, or for kSwiGlu 16 of gate and the same 16 of up, so that both meet in
// registers. And the transposition that brings rows to lanes. Only for 64-byte vectors.

inline constexpr int kStripRows = 32;

// 16 rows of W, of which `rows` exist.
struct Side {
  const WeightView* part = nullptr;
  std::int64_t begin = 0;   // row of the part
  std::int64_t rows = 0;    // may be <= 0
  std::int64_t column = 0;  // of y
};

struct Strip {
  Side side[2];
};

inline std::int64_t strip_rows(const LinearArgs& args) {
  return args.epilogue == Epilogue::kSwiGlu ? 16 : kStripRows;
}

inline std::int64_t strip_count(const LinearArgs& args) {
  const std::int64_t rows = strip_rows(args);
  const int parts = args.epilogue == Epilogue::kSwiGlu ? 1 : args.w.parts;
  std::int64_t count = 0;
  for (int p = 0; p < parts; ++p) {
    count += (args.w.part[static_cast<std::size_t>(p)].rows + rows - 1) / rows;
  }
  return count;
}

inline Strip strip_at(const LinearArgs& args, std::int64_t index) {
  const std::int64_t rows = strip_rows(args);
  std::int64_t column = 0;
  std::size_t p = 0;
  for (;; ++p) {
    const std::int64_t count = (args.w.part[p].rows + rows - 1) / rows;
    if (index < count) {
      break;
    }
    index -= count;
    column += args.w.part[p].rows;
  }
  const std::int64_t begin = index * rows;
  const std::int64_t left = args.w.part[p].rows - begin;
  if (args.epilogue == Epilogue::kSwiGlu) {
    return {{{&args.w.part[p], begin, left, begin}, {&args.w.part[p + 1], begin, left, begin}}};
  }
  return {{{&args.w.part[p], begin, left, column + begin},
           {&args.w.part[p], begin + 16, left - 16, column + begin + 16}}};
}

// In place: r[i] lane j becomes r[j] lane i.
inline void transpose16(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (std::size_t i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// 64 bytes of which the first `bytes` exist.
inline __m512i load_bytes(const void* p, std::int64_t bytes) {
  if (bytes >= 64) {
    return _mm512_loadu_si512(p);
  }
  return _mm512_maskz_loadu_epi8((__mmask64{1} << bytes) - 1, p);
}
