// SPDX-License-Identifier: Apache-2.0
// y = x Wᵀ on AMX tiles, computed as yᵀ = W xᵀ: 16 rows of W times 64 bytes of k are an A tile just as they lie, so
// weights need no rearranged copy; x is packed once per call into B tiles ([k / f][16 rows of x][f], f = 2 bf16 or 4
// int8). Two A and two B tiles make four accumulators: one tile load per tile product, so that a step of 64 bytes of k
// costs at best 4 products of 16 cycles and moves 4 KB from L2.
//
// A strip is 32 rows of W (for kSwiGlu 16 of gate and 16 of up, so that both meet in registers), cut along k into
// chunks. Sums wait between chunks in scratch as they are, so neither chunks nor strips nor the other rows of x change
// a bit of the result. Where all of packed x fits into L2 a strip meets it alone; else kSharedStrips strips meet each
// part of it together, so that it comes from L3 only once for all of them.

inline constexpr std::int64_t kTileBytes = 1024;
inline constexpr std::int64_t kChunkSteps = 64;        // rarer visits to the scratch of sums cost more L2, but less time
inline constexpr int kStripRows = 32;
inline constexpr std::int64_t kSharedStrips = 4;
inline constexpr std::int64_t kPackedInL2 = 512 << 10;  // bytes

struct TilesBF16 {
  using Element = std::uint16_t;
  static constexpr std::int64_t kStep = 32;
  static constexpr bool kInteger = false;
};
struct TilesInt8 {
  using Element = std::int8_t;
  static constexpr std::int64_t kStep = 64;
  static constexpr bool kInteger = true;
};

inline void* at(std::byte* base, std::int64_t offset) { return base + offset; }

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

// ---- x ----

template <class Tiles>
struct PackedX {
  std::byte* tiles = nullptr;    // [groups][steps][kTileBytes]
  float* scale = nullptr;        // [groups * 16], int8 only
  std::byte* quantised = nullptr;  // [groups * 16][steps * 64], int8 only
  std::int64_t m = 0;
  std::int64_t groups = 0;       // of 16 rows
  std::int64_t steps = 0;        // of 64 bytes of k

  [[nodiscard]] std::byte* tile(std::int64_t group, std::int64_t step) const {
    return tiles + (group * steps + step) * kTileBytes;
  }
};

template <class Tiles>
void pack_group(const ConstTensorView& x, const PackedX<Tiles>& packed, std::int64_t group) {
  const std::int64_t first = group * 16;
  const std::int64_t rows = std::min<std::int64_t>(16, packed.m - first);
  const std::byte* source[16];
  for (std::int64_t i = 0; i < rows; ++i) {
    if constexpr (Tiles::kInteger) {
      auto* row = static_cast<std::int8_t*>(at(packed.quantised, (first + i) * packed.steps * 64));
      const auto store = [row](std::int64_t c, VF v) {
        _mm_storeu_si128(static_cast<__m128i*>(static_cast<void*>(row + c)),
                         _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(v)));
      };
      packed.scale[first + i] = x.dtype == DType::kF32
                                    ? quantise(x.row<float>(first + i), x.cols, packed.steps * 64, store)
                                    : quantise(x.row<std::uint16_t>(first + i), x.cols, packed.steps * 64, store);
      source[i] = static_cast<const std::byte*>(static_cast<const void*>(row));
    } else {
      source[i] = static_cast<const std::byte*>(static_cast<const void*>(x.row<std::uint16_t>(first + i)));
    }
  }
  const std::int64_t bytes = x.cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  for (std::int64_t s = 0; s < packed.steps; ++s) {
    __m512i r[16];
    for (std::int64_t i = 0; i < 16; ++i) {
      r[i] = i < rows ? load_bytes(source[i] + s * 64, bytes - s * 64) : _mm512_setzero_si512();
    }
    transpose16(r);
    std::byte* tile = packed.tile(group, s);
    for (std::int64_t i = 0; i < 16; ++i) {
      _mm512_store_si512(tile + i * 64, r[i]);
    }
  }
}

template <class Tiles>
PackedX<Tiles> pack_x(const ConstTensorView& x, Context& context) {
  PackedX<Tiles> packed;
  packed.m = x.rows;
  packed.groups = (x.rows + 15) / 16;
  packed.steps = (x.cols + Tiles::kStep - 1) / Tiles::kStep;
  const std::int64_t tile_bytes = packed.groups * packed.steps * kTileBytes;
  const std::int64_t scale_bytes = packed.groups * 64;
  std::byte* memory =
      context.shared(static_cast<std::size_t>(tile_bytes * (Tiles::kInteger ? 2 : 1) + scale_bytes));
  packed.tiles = memory;
  packed.scale = static_cast<float*>(at(memory, tile_bytes));
  packed.quantised = memory + tile_bytes + scale_bytes;
  context.pool().parallel_for(packed.groups, 1, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t group = begin; group < end; ++group) {
      pack_group<Tiles>(x, packed, group);
    }
  });
  return packed;
}

// ---- W ----

// One A tile column of a strip: 16 rows of W, of which `rows` exist.
struct Side {
  const WeightView* part = nullptr;
  std::int64_t begin = 0;   // row of the part
  std::int64_t rows = 0;    // may be <= 0
  std::int64_t column = 0;  // of y
};

struct Strip {
  Side side[2];
};

inline std::int64_t strip_rows(const LinearArgs& args) { return args.epilogue == Epilogue::kSwiGlu ? 16 : kStripRows; }

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
  return {{{&args.w.part[p], begin, left, column + begin}, {&args.w.part[p], begin + 16, left - 16, column + begin + 16}}};
}

// A run of steps of k.
struct Chunk {
  std::int64_t begin;
  std::int64_t count;
};

// Copies 16 rows of a chunk to `out` [count][kTileBytes].
template <class Tiles>
void stage_side(const Side& side, const Chunk& chunk, std::byte* out) {
  const std::int64_t row_bytes = side.part->cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  const auto* first = static_cast<const std::byte*>(side.part->data) + side.begin * row_bytes + chunk.begin * 64;
  const std::int64_t left = row_bytes - chunk.begin * 64;
  const std::int64_t whole = std::min(chunk.count, left / 64);
  for (std::int64_t r = 0; r < 16; ++r) {
    std::byte* to = out + r * 64;
    const std::byte* from = first + r * row_bytes;
    std::int64_t s = 0;
    if (r < side.rows) {
      for (; s < whole; ++s) {
        _mm512_store_si512(to + s * kTileBytes, _mm512_loadu_si512(from + s * 64));
      }
    }
    for (; s < chunk.count; ++s) {
      const std::int64_t bytes = r < side.rows ? left - s * 64 : 0;
      _mm512_store_si512(to + s * kTileBytes, load_bytes(from + s * 64, bytes));
    }
  }
}

// What the next staging will read. A burst of requests would stall on the few that can be under way, so the products
// in between ask for it bit by bit: products number i of n for rows [i / n, (i + 1) / n) of the strip.
struct Upcoming {
  const std::byte* row[kStripRows];
};

inline Upcoming upcoming(const Strip& strip, std::int64_t row_bytes, std::int64_t offset) {
  Upcoming next;
  for (std::int64_t r = 0; r < kStripRows; ++r) {
    const Side& side = strip.side[r / 16];
    const std::int64_t row = side.begin + std::min(r % 16, std::max<std::int64_t>(side.rows, 1) - 1);
    next.row[r] = static_cast<const std::byte*>(side.part->data) + row * row_bytes + offset;
  }
  return next;
}

// ---- products ----

// What one call of multiply asks for on the way.
struct Ask {
  const std::byte* const* row = nullptr;  // of W, one line each per step
  std::int64_t count = 0;
  const std::byte* x = nullptr;  // packed x of the next groups
  std::int64_t x_lines = 0;      // per step
};

inline Ask ask_rows(const Upcoming& next, std::int64_t group, std::int64_t groups) {
  const std::int64_t pairs = (groups + 1) / 2;
  const std::int64_t from = kStripRows * (group / 2) / pairs;
  return {next.row + from, kStripRows * (group / 2 + 1) / pairs - from, nullptr, 0};
}

inline void ask_for(const Ask& ask, std::int64_t step) {
  for (std::int64_t r = 0; r < ask.count; ++r) {
    __builtin_prefetch(ask.row[r] + step * 64, 0, 2);
  }
  for (std::int64_t i = 0; i < ask.x_lines; ++i) {
    __builtin_prefetch(ask.x + (step * ask.x_lines + i) * 64, 0, 2);
  }
}

// The A tiles of one strip and chunk: staged, or W itself.
struct Rows {
  const std::byte* side[2];
  std::int64_t stride;  // bytes from row to row
  std::int64_t step;    // bytes from one step of k to the next
};

// Whole aligned lines are read where they lie. Anything else is staged: an edge needs its zeros, and a row that starts
// inside a line would cost two lines for each 64 bytes of it, in every pass over x.
template <class Tiles>
Rows rows_of(const Strip& strip, const Chunk& chunk, std::byte* staged) {
  const std::int64_t row_bytes =
      strip.side[0].part->cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  Rows rows{{staged, staged + kChunkSteps * kTileBytes}, 64, kTileBytes};
  bool in_place = row_bytes % 64 == 0;
  for (const Side& side : strip.side) {
    in_place = in_place && side.rows >= 16 && reinterpret_cast<std::uintptr_t>(side.part->data) % 64 == 0;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const Side& side = strip.side[i];
    if (in_place) {
      rows.side[i] = static_cast<const std::byte*>(side.part->data) + side.begin * row_bytes + chunk.begin * 64;
    } else {
      stage_side<Tiles>(side, chunk, staged + static_cast<std::int64_t>(i) * kChunkSteps * kTileBytes);
    }
  }
  if (in_place) {
    rows.stride = row_bytes;
    rows.step = 64;
  }
  return rows;
}

// Tiles 0..3 = (A0, A1) x (B0, B1) over `steps`; the macros want literal tile numbers.
template <class Tiles>
inline void multiply_2x2(const Rows& a, const std::byte* b0, const std::byte* b1, std::int64_t steps, const Ask& ask) {
  const std::byte* a0 = a.side[0];
  const std::byte* a1 = a.side[1];
  for (std::int64_t s = 0; s < steps; ++s, a0 += a.step, a1 += a.step) {
    ask_for(ask, s);
    _tile_loadd(4, a0, a.stride);
    _tile_loadd(6, b0 + s * kTileBytes, 64);
    _tile_loadd(7, b1 + s * kTileBytes, 64);
    _tile_loadd(5, a1, a.stride);
    if constexpr (Tiles::kInteger) {
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(1, 4, 7);
      _tile_dpbssd(2, 5, 6);
      _tile_dpbssd(3, 5, 7);
    } else {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
}

// The same with one B tile.
template <class Tiles>
inline void multiply_2x1(const Rows& a, const std::byte* b0, std::int64_t steps, const Ask& ask) {
  const std::byte* a0 = a.side[0];
  const std::byte* a1 = a.side[1];
  for (std::int64_t s = 0; s < steps; ++s, a0 += a.step, a1 += a.step) {
    ask_for(ask, s);
    _tile_loadd(4, a0, a.stride);
    _tile_loadd(6, b0 + s * kTileBytes, 64);
    _tile_loadd(5, a1, a.stride);
    if constexpr (Tiles::kInteger) {
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(2, 5, 6);
    } else {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(2, 5, 6);
    }
  }
}

// sums [side][group of the pair][kTileBytes] += strip x pair of groups over the chunk.
template <class Tiles>
void multiply(const Rows& a, const PackedX<Tiles>& x, std::int64_t group, const Chunk& chunk, const Ask& ask,
              std::byte* sums) {
  const bool two = group + 1 < x.groups;
  if (chunk.begin == 0) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, sums, 64);
    _tile_loadd(2, sums + 2 * kTileBytes, 64);
    if (two) {
      _tile_loadd(1, sums + kTileBytes, 64);
      _tile_loadd(3, sums + 3 * kTileBytes, 64);
    }
  }
  if (two) {
    multiply_2x2<Tiles>(a, x.tile(group, chunk.begin), x.tile(group + 1, chunk.begin), chunk.count, ask);
  } else {
    multiply_2x1<Tiles>(a, x.tile(group, chunk.begin), chunk.count, ask);
  }
  _tile_stored(0, sums, 64);
  _tile_stored(2, sums + 2 * kTileBytes, 64);
  if (two) {
    _tile_stored(1, sums + kTileBytes, 64);
    _tile_stored(3, sums + 3 * kTileBytes, 64);
  }
}

// ---- results ----

// One tile of sums [16 rows of W][16 rows of x] as 16 vectors of 16 outputs of one row of y.
template <class Tiles>
inline void read_tile(const std::byte* tile, const Side& side, VF (&out)[16]) {
  __m512i r[16];
  for (std::int64_t i = 0; i < 16; ++i) {
    r[i] = _mm512_load_si512(tile + i * 64);
  }
  transpose16(r);
  if constexpr (Tiles::kInteger) {
    const int lanes = static_cast<int>(std::clamp<std::int64_t>(side.rows, 0, 16));
    const VF scale = vload_n(int8_scales(*side.part) + side.begin, lanes);
    for (std::size_t i = 0; i < 16; ++i) {
      out[i] = _mm512_cvtepi32_ps(r[i]) * scale;
    }
  } else {
    for (std::size_t i = 0; i < 16; ++i) {
      out[i] = _mm512_castsi512_ps(r[i]);
    }
  }
}

template <class Tiles>
void store_group(const LinearArgs& args, const Strip& strip, const PackedX<Tiles>& x, std::int64_t group,
                 const std::byte* sums) {
  const bool gated = args.epilogue == Epilogue::kSwiGlu;
  const std::size_t rows = static_cast<std::size_t>(std::min<std::int64_t>(16, x.m - group * 16));
  VF value[2][16];
  read_tile<Tiles>(sums, strip.side[0], value[0]);
  read_tile<Tiles>(sums + 2 * kTileBytes, strip.side[1], value[1]);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::int64_t row = group * 16 + static_cast<std::int64_t>(i);
    if constexpr (Tiles::kInteger) {
      value[0][i] = value[0][i] * vset(x.scale[row]);
      value[1][i] = value[1][i] * vset(x.scale[row]);
    }
    if (gated) {
      value[0][i] = vsilu(value[0][i]) * value[1][i];
    }
    for (std::size_t side = 0; side < (gated ? 1U : 2U); ++side) {
      const Side& place = strip.side[side];
      if (place.rows > 0) {
        finish(args, value[side][i], {row, place.column, static_cast<int>(std::min<std::int64_t>(16, place.rows))});
      }
    }
  }
}

// ---- driver ----

// Scratch of a worker: staged A of all strips of a block, then the sums [pair of groups][strip][4][kTileBytes].
struct BlockScratch {
  std::byte* staged;
  std::byte* sums;
};
inline std::int64_t staged_bytes(std::int64_t strips) { return strips * 2 * kChunkSteps * kTileBytes; }
inline std::int64_t sum_bytes(std::int64_t strips, std::int64_t groups) {
  return strips * (groups + 1) / 2 * 4 * kTileBytes;
}

// Strips [begin, end) against all of x.
template <class Tiles>
void run_block(const LinearArgs& args, const PackedX<Tiles>& x, std::int64_t begin, std::int64_t end,
               const BlockScratch& scratch) {
  const std::int64_t strips = end - begin;
  Strip strip[kSharedStrips];
  for (std::int64_t i = 0; i < strips; ++i) {
    strip[i] = strip_at(args, begin + i);
  }
  const std::int64_t row_bytes = args.x.cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  Upcoming next[kSharedStrips];
  Rows rows[kSharedStrips];
  for (Chunk chunk{0, 0}; chunk.begin < x.steps; chunk.begin += kChunkSteps) {
    chunk.count = std::min(kChunkSteps, x.steps - chunk.begin);
    const bool last = chunk.begin + chunk.count == x.steps;
    for (std::int64_t i = 0; i < strips; ++i) {
      rows[i] = rows_of<Tiles>(strip[i], chunk, scratch.staged + staged_bytes(i));
      // The next chunk of the same rows; in the end the first chunk of as many rows further on.
      next[i] = last ? upcoming(strip[i], row_bytes, strips * strip_rows(args) * row_bytes)
                     : upcoming(strip[i], row_bytes, (chunk.begin + kChunkSteps) * 64);
    }
    asm volatile("" ::: "memory");  // tile loads are not known to read memory
    for (std::int64_t group = 0; group < x.groups; group += 2) {
      for (std::int64_t i = 0; i < strips; ++i) {
        std::byte* sums = scratch.sums + (group / 2 * strips + i) * 4 * kTileBytes;
        Ask ask = ask_rows(next[i], group, x.groups);
        if (strips == kSharedStrips && group + 3 < x.groups) {  // each strip asks for a quarter of the next pair
          ask.x = x.tile(group + 2 + (i & 1), chunk.begin) + (i >> 1) * chunk.count * kTileBytes / 2;
          ask.x_lines = 8;
        }
        multiply<Tiles>(rows[i], x, group, chunk, ask, sums);
        if (last) {
          store_group<Tiles>(args, strip[i], x, group, sums);
          if (group + 1 < x.groups) {
            store_group<Tiles>(args, strip[i], x, group + 1, sums + kTileBytes);
          }
        }
      }
    }
  }
}

template <class Tiles>
void linear_amx(const LinearArgs& args, Context& context) {
  if (args.x.rows == 0) {
    return;
  }
  const PackedX<Tiles> x = pack_x<Tiles>(args.x, context);
  const std::int64_t strips = strip_count(args);
  const std::int64_t workers = context.pool().size();
  const bool share = x.groups * x.steps * kTileBytes > kPackedInL2;
  // Shared blocks in equal shares for all workers; lone strips in runs long enough for the prefetcher.
  std::int64_t grain = std::max<std::int64_t>(1, strips / (workers * 8));
  std::int64_t block = 1;
  if (share) {
    const std::int64_t rounds = (strips + workers * kSharedStrips - 1) / (workers * kSharedStrips);
    block = (strips + workers * rounds - 1) / (workers * rounds);
    grain = block;
  }
  const std::int64_t a_bytes = staged_bytes(block);
  context.reserve_workers(static_cast<std::size_t>(a_bytes + sum_bytes(block, x.groups)));
  context.pool().parallel_for(strips, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
    const BlockScratch scratch{context.worker(worker), context.worker(worker) + a_bytes};
    _tile_loadconfig(&kTileConfig);
    for (std::int64_t strip = begin; strip < end; strip += block) {
      run_block<Tiles>(args, x, strip, std::min(strip + block, end), scratch);
    }
    _tile_release();
  });
}

void linear_amx_bf16(const LinearArgs& args, Context& context) { linear_amx<TilesBF16>(args, context); }
void linear_amx_int8(const LinearArgs& args, Context& context) { linear_amx<TilesInt8>(args, context); }
