// SPDX-License-Identifier: Apache-2.0
// Strips of W times packed x: where their tiles are read, the products. See linear_amx_pack-inl.h.

template <class Tiles>
inline std::int64_t row_bytes(const Strip& strip) {
  return strip.side[0].part->cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
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

// What the products of a chunk ask for on the way, a little at each step of k, because a burst of
// requests would stall on the few that can be under way.
struct Ask {
  const std::byte* row = nullptr;  // of y or of the residual; two rows per step
  std::int64_t stride = 0;
  std::int64_t lines = 0;  // per row
};

inline void ask_for(const Ask& ask, std::int64_t step) {
  const std::byte* row = ask.row + 2 * step * ask.stride;
  for (std::int64_t i = 0; i < ask.lines; ++i) {
    __builtin_prefetch(row + i * 64, 1, 3);
    __builtin_prefetch(row + ask.stride + i * 64, 1, 3);
  }
}

// The lines of W that the next strip is staged from, asked into L2 evenly over the products of the
// current one: staging itself reaches too short a way ahead for memory that is far.
class Ahead {
 public:
  Ahead() = default;
  template <class Tiles>
  Ahead(Tiles /*tiles*/, const Strip& strip, const Chunk& chunk)
      : stride_(row_bytes<Tiles>(strip)), lines_(chunk.count), rows_(kStripRows) {
    for (std::size_t i = 0; i < 2; ++i) {
      const Side& side = strip.side[i];
      from_[i] =
          static_cast<const std::byte*>(side.part->data) + side.begin * stride_ + chunk.begin * 64;
    }
    begin_row();
  }

  void ask(std::int64_t lines) {
    for (std::int64_t i = 0; i < lines && row_ < rows_; ++i, next_ += 64) {
      __builtin_prefetch(next_, 0, 2);
      if (next_ == last_) {
        ++row_;
        begin_row();
        next_ -= 64;
      }
    }
  }

 private:
  void begin_row() {
    next_ = from_[row_ / 16 % 2] + row_ % 16 * stride_;
    last_ = next_ + (lines_ - 1) * 64;
  }

  const std::byte* from_[2] = {};
  std::int64_t stride_ = 0;
  std::int64_t lines_ = 0;  // of a row
  std::int64_t rows_ = 0;   // 0: nothing to ask for
  std::int64_t row_ = 0;
  const std::byte* next_ = nullptr;
  const std::byte* last_ = nullptr;
};

// What goes on beside the products.
struct Beside {
  Ask ask;
  Ahead* ahead = nullptr;
  std::int64_t lines = 0;  // of `ahead`, per step
};

// The A tiles of one strip and chunk: staged, or W itself.
struct Rows {
  const std::byte* side[2];
  std::int64_t stride;  // bytes from row to row
  std::int64_t step;    // bytes from one step of k to the next
};

// Tiles 0..3 = (A0, A1) x (B0, B1) over `steps`; the macros want literal tile numbers.
template <class Tiles>
inline void multiply_2x2(const Rows& a, const std::byte* b, std::int64_t steps,
                         const Beside& beside) {
  const std::int64_t run = steps * kTileBytes;
  const std::byte* a0 = a.side[0];
  const std::byte* a1 = a.side[1];
  for (std::int64_t s = 0; s < steps; ++s, a0 += a.step, a1 += a.step, b += kTileBytes) {
    ask_for(beside.ask, s);
    beside.ahead->ask(beside.lines);
    _tile_loadd(4, a0, a.stride);
    _tile_stream_loadd(6, b, 64);
    _tile_stream_loadd(7, b + run, 64);
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
inline void multiply_2x1(const Rows& a, const std::byte* b, std::int64_t steps,
                         const Beside& beside) {
  const std::byte* a0 = a.side[0];
  const std::byte* a1 = a.side[1];
  for (std::int64_t s = 0; s < steps; ++s, a0 += a.step, a1 += a.step, b += kTileBytes) {
    ask_for(beside.ask, s);
    beside.ahead->ask(beside.lines);
    _tile_loadd(4, a0, a.stride);
    _tile_stream_loadd(6, b, 64);
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

// sums [side][group of the pair][kTileBytes] += staged strip x pair of groups over the chunk.
template <class Tiles>
void multiply(const Rows& a, const PackedX<Tiles>& x, std::int64_t group, const Chunk& chunk,
              const Beside& beside, std::byte* sums) {
  const bool two = group + 1 < x.groups;
  if (chunk.begin == 0) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_stream_loadd(0, sums, 64);
    _tile_stream_loadd(2, sums + 2 * kTileBytes, 64);
    if (two) {
      _tile_stream_loadd(1, sums + kTileBytes, 64);
      _tile_stream_loadd(3, sums + 3 * kTileBytes, 64);
    }
  }
  if (two) {
    multiply_2x2<Tiles>(a, x.run(group, chunk.begin), chunk.count, beside);
  } else {
    multiply_2x1<Tiles>(a, x.run(group, chunk.begin), chunk.count, beside);
  }
  _tile_stored(0, sums, 64);
  _tile_stored(2, sums + 2 * kTileBytes, 64);
  if (two) {
    _tile_stored(1, sums + kTileBytes, 64);
    _tile_stored(3, sums + 3 * kTileBytes, 64);
  }
}
