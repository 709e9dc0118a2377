// SPDX-License-Identifier: Apache-2.0
// Strips of W times packed x: which rows a strip has, where its tiles are read, the products. See
// linear_amx_pack-inl.h.

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

// A run of steps of k.
struct Chunk {
  std::int64_t begin;
  std::int64_t count;
};

// Copies 16 rows of a chunk to `out` [count][kTileBytes].
template <class Tiles>
void stage_side(const Side& side, const Chunk& chunk, std::byte* out) {
  const std::int64_t row_bytes =
      side.part->cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  const auto* first =
      static_cast<const std::byte*>(side.part->data) + side.begin * row_bytes + chunk.begin * 64;
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

// What the next staging will read. A burst of requests would stall on the few that can be under
// way, so the products in between ask for it bit by bit: products number i of n for rows [i / n, (i
// + 1) / n) of the strip.
struct Upcoming {
  const std::byte* row[kStripRows];
};

inline Upcoming upcoming(const Strip& strip, std::int64_t row_bytes, std::int64_t offset) {
  Upcoming next;
  for (std::int64_t r = 0; r < kStripRows; ++r) {
    const Side& side = strip.side[r / 16];
    const std::int64_t row =
        side.begin + std::min(r % 16, std::max<std::int64_t>(side.rows, 1) - 1);
    next.row[r] = static_cast<const std::byte*>(side.part->data) + row * row_bytes + offset;
  }
  return next;
}

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

// Whole aligned lines are read where they lie. Anything else is staged: an edge needs its zeros,
// and a row that starts inside a line would cost two lines for each 64 bytes of it, in every pass
// over x.
template <class Tiles>
Rows rows_of(const Strip& strip, const Chunk& chunk, std::byte* staged) {
  const std::int64_t row_bytes =
      strip.side[0].part->cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
  Rows rows{{staged, staged + kChunkSteps * kTileBytes}, 64, kTileBytes};
  bool in_place = row_bytes % 64 == 0;
  for (const Side& side : strip.side) {
    in_place =
        in_place && side.rows >= 16 && reinterpret_cast<std::uintptr_t>(side.part->data) % 64 == 0;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    const Side& side = strip.side[i];
    if (in_place) {
      rows.side[i] = static_cast<const std::byte*>(side.part->data) + side.begin * row_bytes +
                     chunk.begin * 64;
    } else {
      stage_side<Tiles>(side, chunk,
                        staged + static_cast<std::int64_t>(i) * kChunkSteps * kTileBytes);
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
inline void multiply_2x2(const Rows& a, const std::byte* b0, const std::byte* b1,
                         std::int64_t steps, const Ask& ask) {
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
void multiply(const Rows& a, const PackedX<Tiles>& x, std::int64_t group, const Chunk& chunk,
              const Ask& ask, std::byte* sums) {
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
    multiply_2x2<Tiles>(a, x.tile(group, chunk.begin), x.tile(group + 1, chunk.begin), chunk.count,
                        ask);
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
