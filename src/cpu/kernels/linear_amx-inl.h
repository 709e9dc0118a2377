// SPDX-License-Identifier: Apache-2.0
// What becomes of finished tiles, and the loops over strips, chunks and groups. See
// linear_amx_pack-inl.h.

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
void store_group(const LinearArgs& args, const Strip& strip, const PackedX<Tiles>& x,
                 std::int64_t group, const std::byte* sums) {
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
        finish(args, value[side][i],
               {row, place.column, static_cast<int>(std::min<std::int64_t>(16, place.rows))});
      }
    }
  }
}

// Scratch of a worker: staged A of all strips of a block, then the sums [pair of
// groups][strip][4][kTileBytes].
struct BlockScratch {
  std::byte* staged;
  std::byte* sums;
};
inline std::int64_t staged_bytes(std::int64_t strips) {
  return strips * 2 * kChunkSteps * kTileBytes;
}
inline std::int64_t sum_bytes(std::int64_t strips, std::int64_t groups) {
  return strips * (groups + 1) / 2 * 4 * kTileBytes;
}

// Strips [begin, end) against all of x.
template <class Tiles>
void run_block(const LinearArgs& args, const PackedX<Tiles>& x, std::int64_t begin,
               std::int64_t end, const BlockScratch& scratch) {
  const std::int64_t strips = end - begin;
  Strip strip[kSharedStrips];
  for (std::int64_t i = 0; i < strips; ++i) {
    strip[i] = strip_at(args, begin + i);
  }
  const std::int64_t row_bytes =
      args.x.cols * static_cast<std::int64_t>(sizeof(typename Tiles::Element));
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
        if (strips == kSharedStrips &&
            group + 3 < x.groups) {  // each strip asks for a quarter of the next pair
          ask.x =
              x.tile(group + 2 + (i & 1), chunk.begin) + (i >> 1) * chunk.count * kTileBytes / 2;
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
  // Shared blocks in equal shares for all workers; lone strips in runs long enough for the
  // prefetcher.
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

void linear_amx_bf16(const LinearArgs& args, Context& context) {
  linear_amx<TilesBF16>(args, context);
}
void linear_amx_int8(const LinearArgs& args, Context& context) {
  linear_amx<TilesInt8>(args, context);
}
