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

// As narrow_bf16, in two instructions unless a value is subnormal, which VCVTNE2PS2BF16 flushes.
inline __m512i narrow_pair(VF low, VF high) {
  constexpr int kSubnormal = 0x20;
  if (_kortestz_mask16_u8(_mm512_fpclass_ps_mask(low, kSubnormal),
                          _mm512_fpclass_ps_mask(high, kSubnormal)) != 0) {
    return __builtin_bit_cast(__m512i, _mm512_cvtne2ps_pbh(high, low));
  }
  return _mm512_inserti64x4(_mm512_castsi256_si512(narrow_bf16(low)), narrow_bf16(high), 1);
}

// One row of a strip's outputs, 2 x 16 columns side by side that fill whole lines, past the caches:
// nobody reads a large y before it has left them, and storing would fetch each line first.
inline void stream_row(const LinearArgs& args, const VF (&v)[2], std::int64_t row,
                       std::int64_t column) {
  const std::int64_t at = row * args.y.row_stride + column;
  if (args.y.dtype == DType::kBF16) {
    _mm512_stream_si512(
        static_cast<__m512i*>(static_cast<void*>(static_cast<std::uint16_t*>(args.y.data) + at)),
        narrow_pair(v[0], v[1]));
  } else {
    _mm512_stream_ps(static_cast<float*>(args.y.data) + at, v[0]);
    _mm512_stream_ps(static_cast<float*>(args.y.data) + at + 16, v[1]);
  }
}

// True when y is too large to wait in L2 for its reader and this strip fills whole lines of it.
inline bool streams(const LinearArgs& args, const Strip& strip) {
  constexpr std::int64_t kBytes = 1 << 20;
  const std::int64_t element = args.y.dtype == DType::kBF16 ? 2 : 4;
  const auto address = reinterpret_cast<std::uintptr_t>(args.y.data);
  return args.epilogue != Epilogue::kSwiGlu && args.residual.data == nullptr &&
         strip.side[1].rows >= 16 && args.y.rows * args.y.cols * element >= kBytes &&
         (address + static_cast<std::uintptr_t>(strip.side[0].column * element)) % 64 == 0 &&
         args.y.row_stride * element % 64 == 0;
}

template <class Tiles>
void store_group(const LinearArgs& args, const Strip& strip, const PackedX<Tiles>& x,
                 std::int64_t group, const std::byte* sums) {
  const bool gated = args.epilogue == Epilogue::kSwiGlu;
  const bool stream = streams(args, strip);
  const std::size_t rows = static_cast<std::size_t>(std::min<std::int64_t>(16, x.m - group * 16));
  VF value[2][16];
  read_tile<Tiles>(sums, strip.side[0], value[0]);
  read_tile<Tiles>(sums + 2 * kTileBytes, strip.side[1], value[1]);
  for (std::size_t i = 0; i < rows; ++i) {
    const std::int64_t row = group * 16 + static_cast<std::int64_t>(i);
    VF v[2] = {value[0][i], value[1][i]};
    if constexpr (Tiles::kInteger) {
      v[0] = v[0] * vset(x.scale[row]);
      v[1] = v[1] * vset(x.scale[row]);
    }
    if (gated) {
      v[0] = vsilu(v[0]) * v[1];
    }
    for (std::size_t side = 0; side < (gated ? 1U : 2U); ++side) {
      const Side& place = strip.side[side];
      if (place.rows > 0) {
        const OutputSlot slot{row, place.column,
                              static_cast<int>(std::min<std::int64_t>(16, place.rows))};
        if (stream) {
          v[side] = finished(args, v[side], slot);
        } else {
          finish(args, v[side], slot);
        }
      }
    }
    if (stream) {
      stream_row(args, v, row, strip.side[0].column);
    }
  }
}

// Groups [begin, end) of x meet strips [first, last) of W.
struct Block {
  std::int64_t begin;
  std::int64_t end;
  std::int64_t first;
  std::int64_t last;
};

// How x is cut: all of k at once if that stays in L2, so that W is read strip by strip; else the
// strips of a block meet one part of k after the other.
struct Plan {
  std::int64_t groups;  // of a slab, even
  std::int64_t steps;   // of a slab, a multiple of kChunkSteps
  std::int64_t strips;  // of a block
  bool whole;           // a slab has all of k
};

inline std::int64_t round_up_to(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

template <class Tiles>
inline Plan plan_linear(const PackedX<Tiles>& x, std::int64_t strips, std::int64_t workers) {
  Plan plan;
  const std::int64_t slabs = (x.groups + kSlabGroups - 1) / kSlabGroups;
  plan.groups = round_up_to((x.groups + slabs - 1) / slabs, 2);
  plan.whole = plan.groups * x.steps <= kWholeSlabTiles;
  plan.steps = plan.whole
                   ? round_up_to(x.steps, kChunkSteps)
                   : std::max(kSlabTiles / plan.groups / kChunkSteps * kChunkSteps, kChunkSteps);
  // Equal shares for all workers in as few rounds as blocks allow.
  const std::int64_t rounds = (strips + workers * kBlockStrips - 1) / (workers * kBlockStrips);
  plan.strips = (strips + workers * rounds - 1) / (workers * rounds);
  return plan;
}

// A worker's scratch: the staged slab of a strip, then the sums [strip of the block][pair of
// groups][4][kTileBytes].
inline std::int64_t staged_bytes(const Plan& plan) { return 2 * plan.steps * kTileBytes; }
inline std::int64_t sum_bytes(const Plan& plan) { return plan.groups / 2 * 4 * kTileBytes; }

template <class Tiles>
class BlockRun {
 public:
  BlockRun(const LinearArgs& args, const PackedX<Tiles>& x, const Plan& plan, const Block& block,
           std::byte* scratch)
      : args_(args), x_(x), plan_(plan), block_(block), scratch_(scratch) {}

  void run() const {
    for (std::int64_t begin = 0; begin < x_.steps; begin += plan_.steps) {
      const Chunk slab{begin, std::min(plan_.steps, x_.steps - begin)};
      for (std::int64_t i = block_.first; i < block_.last; ++i) {
        Ahead ahead = ahead_of(i, slab);
        run_strip(i, slab, ahead);
      }
    }
    _mm_sfence();
  }

 private:
  // W is read where it lies for the few rows of x that do not pay for a copy.
  [[nodiscard]] bool in_place(const Strip& strip, const Chunk& slab) const {
    constexpr std::int64_t kGroups = 4;
    const std::int64_t bytes = row_bytes<Tiles>(strip);
    bool lines = bytes % 64 == 0 && (slab.begin + slab.count) * 64 <= bytes;
    for (const Side& side : strip.side) {
      lines =
          lines && side.rows >= 16 && reinterpret_cast<std::uintptr_t>(side.part->data) % 64 == 0;
    }
    return lines && x_.groups <= kGroups;
  }

  // What comes after this strip: the next one, or the first with the next slab.
  [[nodiscard]] Ahead ahead_of(std::int64_t index, const Chunk& slab) const {
    const bool same = index + 1 < block_.last;
    const std::int64_t begin = same ? slab.begin : slab.begin + slab.count;
    const Strip strip = strip_at(args_, same ? index + 1 : block_.first);
    const Chunk chunk{begin, std::min(plan_.steps, x_.steps - begin)};
    const bool full = chunk.count > 0 && strip.side[0].rows >= 16 && strip.side[1].rows >= 16;
    return full && !in_place(strip, chunk) ? Ahead(Tiles{}, strip, chunk) : Ahead();
  }

  // A slab of one strip against all groups of the block, chunk by chunk.
  void run_strip(std::int64_t index, const Chunk& slab, Ahead& ahead) const {
    const Strip strip = strip_at(args_, index);
    Rows rows{{scratch_, scratch_ + slab.count * kTileBytes}, 64, kTileBytes};
    if (in_place(strip, slab)) {
      rows.stride = row_bytes<Tiles>(strip);
      rows.step = 64;
    }
    for (std::size_t i = 0; i < 2; ++i) {
      const Side& side = strip.side[i];
      if (rows.step == 64) {
        rows.side[i] = static_cast<const std::byte*>(side.part->data) + side.begin * rows.stride +
                       slab.begin * 64;
      } else {
        stage_side<Tiles>(side, slab,
                          scratch_ + static_cast<std::int64_t>(i) * slab.count * kTileBytes);
      }
    }
    std::byte* sums = scratch_ + staged_bytes(plan_);
    if (!plan_.whole) {
      sums += (index - block_.first) * sum_bytes(plan_);
    }
    for (std::int64_t at = 0; at < slab.count; at += kChunkSteps) {
      run_chunk(strip, rows, {slab.begin + at, std::min(kChunkSteps, slab.count - at)}, ahead,
                sums);
      rows.side[0] += kChunkSteps * rows.step;
      rows.side[1] += kChunkSteps * rows.step;
    }
  }

  void run_chunk(const Strip& strip, const Rows& rows, const Chunk& chunk, Ahead& ahead,
                 std::byte* sums) const {
    const bool last = chunk.begin + chunk.count == x_.steps;
    Beside beside;
    beside.ahead = &ahead;
    const std::int64_t pairs = (block_.end - block_.begin + 1) / 2;
    beside.lines = (kStripRows + pairs - 1) / pairs;
    asm volatile("" ::: "memory");  // tile loads are not known to read memory
    for (std::int64_t group = block_.begin; group < block_.end;
         group += 2, sums += 4 * kTileBytes) {
      if (last) {
        ask_out(strip, group, beside.ask);
      }
      multiply<Tiles>(rows, x_, group, chunk, beside, sums);
      if (last) {
        store_group<Tiles>(args_, strip, x_, group, sums);
        if (group + 1 < x_.groups) {
          store_group<Tiles>(args_, strip, x_, group + 1, sums + kTileBytes);
        }
      }
    }
  }

  // The lines that store_group will read or fill.
  void ask_out(const Strip& strip, std::int64_t group, Ask& ask) const {
    const bool residual = args_.residual.data != nullptr;
    if (!residual && streams(args_, strip)) {
      return;
    }
    const std::int64_t element = residual || args_.y.dtype == DType::kF32 ? 4 : 2;
    const void* data = residual ? args_.residual.data : args_.y.data;
    ask.stride = (residual ? args_.residual.row_stride : args_.y.row_stride) * element;
    ask.row = static_cast<const std::byte*>(data) + group * 16 * ask.stride +
              strip.side[0].column * element;
    ask.lines = (strip_rows(args_) * element + 63) / 64;
  }

  const LinearArgs& args_;
  const PackedX<Tiles>& x_;
  const Plan& plan_;
  Block block_;
  std::byte* scratch_;
};

template <class Tiles>
void linear_amx(const LinearArgs& args, Context& context) {
  if (args.x.rows == 0) {
    return;
  }
  const PackedX<Tiles> x = pack_x<Tiles>(args.x, context);
  const std::int64_t strips = strip_count(args);
  const Plan plan = plan_linear<Tiles>(x, strips, context.pool().size());
  context.reserve_workers(static_cast<std::size_t>(
      staged_bytes(plan) + sum_bytes(plan) * (plan.whole ? 1 : plan.strips)));
  const std::int64_t blocks = (strips + plan.strips - 1) / plan.strips;
  const std::int64_t slabs = (x.groups + plan.groups - 1) / plan.groups;
  context.pool().parallel_for(
      slabs * blocks, 1, [&](std::int64_t begin, std::int64_t end, int worker) {
        _tile_loadconfig(&kTileConfig);
        for (std::int64_t i = begin; i < end; ++i) {
          const std::int64_t group = i / blocks * plan.groups;
          const std::int64_t strip = i % blocks * plan.strips;
          const Block block{group, std::min(group + plan.groups, x.groups), strip,
                            std::min(strip + plan.strips, strips)};
          BlockRun<Tiles>(args, x, plan, block, context.worker(worker)).run();
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
