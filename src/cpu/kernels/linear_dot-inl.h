// SPDX-License-Identifier: Apache-2.0
// y[i][j] = Σ_k x[i][k] w[j][k] as dot products: R rows of W against C rows of x, R x C vector
// accumulators in registers, one load of each row per step for R C multiply-adds. W is read where
// it lies, once from memory; a tile of kTileRows of its rows stays in L2 while all rows of x pass
// by. For few rows of x the loop over W is the outer one and the figure that counts is bytes of W
// per second: the R rows of a block are then a quarter of a stretch of W apart, so that each is one
// of R long runs through memory, which the processor's own prefetchers follow. Adjacent rows, and
// prefetch instructions beside them, reached 55 to 85 % of that on Zen 4. For many, k is cut so
// that C rows of x and R of W stay in L1, with accumulators set aside in between. Neither changes
// a bit of the result.

inline constexpr int kBlockRows = 4;                         // R
inline constexpr int kBlockCols = kRegisters == 32 ? 6 : 3;  // C at most: R C + C + 1 registers
inline constexpr std::int64_t kChunkBytes = 2048;            // of one row of x, for many rows
inline constexpr int kStreamTiles = 4;  // tiles that one worker streams as one stretch of W
inline constexpr int kStreamRows = kStreamTiles * kTileRows;

// How one kind of dot product loads, multiplies and adds up. kStep elements of k at a time; x is
// padded, w is not.
struct DotInt8 {
  using W = std::int8_t;
  using X = IntX;
  using Acc = VI;
  static constexpr std::int64_t kStep = kIntStep;
  static VX load_w(const W* p) { return wload_i8(p); }
  static VX load_w_n(const W* p, int n) { return wload_i8_n(p, n); }
  static VX load_x(const X* p) { return xload(p); }
  static Acc zero() { return VI{}; }
  static Acc mac(Acc acc, VX x, VX w) { return idot(acc, x, w); }
  static std::int32_t sum(Acc acc) { return isum(acc); }
  static void store_sums(std::int32_t* p, Acc a, Acc b, Acc c, Acc d) {
    istore_sums(p, a, b, c, d);
  }
};

// x ready for Dot: [m, stride].
template <class Dot>
struct PreparedX {
  const typename Dot::X* data = nullptr;
  const float* scale = nullptr;  // [m], int8 only
  std::int64_t stride = 0;
};

// Up to kBlockCols rows of x against one stretch of W.
template <class Dot>
struct TileSums {
  using Sum = decltype(Dot::sum(Dot::zero()));
  typename Dot::Acc acc[kTileRows * kBlockCols];      // between cuts of k: [row / R][R][C]
  alignas(64) float out[2][kBlockCols][kStreamRows];  // finished: gate (or all) and up
};

// Where a block's rows lie.
template <class Dot>
struct BlockRows {
  const typename Dot::W* w;  // the first
  std::int64_t apart;        // elements from one to the next
  int first;                 // of the stretch of W
  int step;                  // rows from one to the next
};

// A stretch of k of one R x C block.
struct Stretch {
  std::int64_t begin;
  std::int64_t end;  // whole steps, or the end of the row
  bool first;
  bool last;
};

// acc[R][C] += W rows · x rows over the stretch.
template <class Dot, unsigned R, unsigned C>
inline void accumulate(const BlockRows<Dot>& rows, const PreparedX<Dot>& x, const Stretch& k,
                       typename Dot::Acc (&acc)[R][C]) {
  constexpr std::int64_t kStep = Dot::kStep;
  const std::int64_t whole = k.begin + (k.end - k.begin) / kStep * kStep;
  for (std::int64_t i = k.begin; i < whole; i += kStep) {
    decltype(Dot::load_x(x.data)) xs[C];
#pragma GCC unroll 8
    for (unsigned c = 0; c < C; ++c) {
      xs[c] = Dot::load_x(x.data + c * x.stride + i);
    }
#pragma GCC unroll 8
    for (unsigned r = 0; r < R; ++r) {
      const auto ws = Dot::load_w(rows.w + r * rows.apart + i);
#pragma GCC unroll 8
      for (unsigned c = 0; c < C; ++c) {
        acc[r][c] = Dot::mac(acc[r][c], xs[c], ws);
      }
    }
  }
  if (whole < k.end) {
    const int rest = static_cast<int>(k.end - whole);
#pragma GCC unroll 8
    for (unsigned r = 0; r < R; ++r) {
      const auto ws = Dot::load_w_n(rows.w + r * rows.apart + whole, rest);
#pragma GCC unroll 8
      for (unsigned c = 0; c < C; ++c) {
        acc[r][c] = Dot::mac(acc[r][c], Dot::load_x(x.data + c * x.stride + whole), ws);
      }
    }
  }
}

// One block: R rows of W, C rows of x. `sums` gets Sum [C][kStreamRows].
template <class Dot, unsigned R, unsigned C>
void block(const BlockRows<Dot>& rows, const PreparedX<Dot>& x, const Stretch& k,
           typename Dot::Acc* kept, typename TileSums<Dot>::Sum* sums) {
  typename Dot::Acc acc[R][C];
#pragma GCC unroll 8
  for (unsigned r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (unsigned c = 0; c < C; ++c) {
      acc[r][c] = k.first ? Dot::zero() : kept[r * C + c];
    }
  }
  accumulate<Dot, R, C>(rows, x, k, acc);
  if (!k.last) {
    std::memcpy(kept, acc, sizeof(acc));
    return;
  }
#pragma GCC unroll 8
  for (unsigned c = 0; c < C; ++c) {
    typename TileSums<Dot>::Sum* out = sums + c * kStreamRows + rows.first;
    if constexpr (R == 4) {
      alignas(16) typename TileSums<Dot>::Sum four[4];
      Dot::store_sums(four, acc[0][c], acc[1][c], acc[2][c], acc[3][c]);
      for (int r = 0; r < 4; ++r) {
        out[r * rows.step] = four[r];
      }
    } else {
      static_assert(R == 1);
      *out = Dot::sum(acc[0][c]);
    }
  }
}

template <class Dot, unsigned R>
using BlockFunction = void (*)(const BlockRows<Dot>&, const PreparedX<Dot>&, const Stretch&,
                               typename Dot::Acc*, typename TileSums<Dot>::Sum*);

template <class Dot, unsigned R>
BlockFunction<Dot, R> block_for(int cols) {
  if constexpr (kBlockCols == 6) {
    constexpr BlockFunction<Dot, R> kBlocks[6] = {block<Dot, R, 1>, block<Dot, R, 2>,
                                                  block<Dot, R, 3>, block<Dot, R, 4>,
                                                  block<Dot, R, 5>, block<Dot, R, 6>};
    return kBlocks[cols - 1];
  } else {
    constexpr BlockFunction<Dot, R> kBlocks[3] = {block<Dot, R, 1>, block<Dot, R, 2>,
                                                  block<Dot, R, 3>};
    return kBlocks[cols - 1];
  }
}

// Rows [begin, begin + rows) of one part of W as factors: in place, or unpacked.
template <class Dot>
struct TileOfW {
  const typename Dot::W* data = nullptr;
  std::int64_t stride = 0;
  const WeightView* part = nullptr;
  std::int64_t begin = 0;
  int rows = 0;
};

struct Panel {
  int cols;        // rows of x
  bool streaming;  // W comes from memory: whole rows, far apart
};

// out[c][r] = x row c · W row r for one stretch of W.
template <class Dot>
void tile_product(const TileOfW<Dot>& tile, const PreparedX<Dot>& x, const Panel& panel,
                  TileSums<Dot>& sums, float (*out)[kStreamRows]) {
  const int cols = panel.cols;
  alignas(64) typename TileSums<Dot>::Sum raw[kBlockCols * kStreamRows];
  const std::int64_t k = tile.part->cols;
  constexpr std::int64_t kCut = kChunkBytes / static_cast<std::int64_t>(sizeof(typename Dot::X));
  const std::int64_t cut = panel.streaming ? k : kCut;
  const auto many = block_for<Dot, kBlockRows>(cols);
  const auto one = block_for<Dot, 1>(cols);
  const int blocks = tile.rows / kBlockRows;
  const int step = panel.streaming ? blocks : 1;         // between the rows of a block
  const int advance = panel.streaming ? 1 : kBlockRows;  // from block to block
  for (std::int64_t begin = 0; begin < k; begin += cut) {
    const std::int64_t end = std::min(begin + cut, k);
    const Stretch stretch{begin, end, begin == 0, end == k};
    typename Dot::Acc* kept = sums.acc;
    for (int b = 0; b < blocks; ++b, kept += panel.streaming ? 0 : kBlockRows * kBlockCols) {
      const int row = b * advance;
      many({tile.data + row * tile.stride, step * tile.stride, row, step}, x, stretch, kept, raw);
    }
    for (int row = blocks * kBlockRows; row < tile.rows; ++row) {
      one({tile.data + row * tile.stride, tile.stride, row, 1}, x, stretch, kept, raw);
      kept += panel.streaming ? 0 : kBlockCols;
    }
  }
  if constexpr (std::is_same_v<Dot, DotInt8>) {
    const float* scale = int8_scales(*tile.part) + tile.begin;
    const std::int32_t* row_sum = int8_row_sums(*tile.part) + tile.begin;
    for (int c = 0; c < cols; ++c) {
      for (int r = 0; r < tile.rows; ++r) {
        const std::int32_t exact = raw[c * kStreamRows + r] - kIntOffset * row_sum[r];
        out[c][r] = static_cast<float>(exact) * scale[r] * x.scale[c];
      }
    }
  } else {
    for (int c = 0; c < cols; ++c) {
      std::memcpy(out[c], raw + c * kStreamRows,
                  static_cast<std::size_t>(tile.rows) * sizeof(float));
    }
  }
}

// The rows of W that `place` names. Formats without a kernel are unpacked into `unpacked`
// [kTileRows, k].
template <class Dot, bool Unpack>
TileOfW<Dot> tile_of(const WeightView& part, const TilePlace& place,
                     [[maybe_unused]] float* unpacked) {
  TileOfW<Dot> tile{nullptr, part.cols, &part, place.begin, place.rows};
  if constexpr (Unpack) {
    const FormatInfo& info = format_info(part.format);
    for (int r = 0; r < place.rows; ++r) {
      info.unpack_row(part, place.begin + r, unpacked + r * part.cols);
    }
    tile.data = unpacked;
  } else {
    tile.data = static_cast<const typename Dot::W*>(part.data) + place.begin * part.cols;
  }
  return tile;
}

// Panels of x up to which W is waited for more than arithmetic: the first brings it in, the second
// finds it in L2.
inline constexpr std::int64_t kStreamPanels = 2;

template <class Dot, bool Unpack>
void linear_tile(const LinearArgs& args, const PreparedX<Dot>& x, const TilePlace& place,
                 float* unpacked) {
  TileSums<Dot> sums;
  if (place.rows % kLanes != 0) {
    std::memset(sums.out, 0, sizeof(sums.out));  // whole vectors are read below
  }
  const int sides = args.epilogue == Epilogue::kSwiGlu ? 2 : 1;
  TileOfW<Dot> tiles[2];
  for (int side = 0; side < sides; ++side) {
    const WeightView& part = args.w.part[static_cast<std::size_t>(place.part + side)];
    tiles[side] = tile_of<Dot, Unpack>(part, place, unpacked + side * kTileRows * args.x.cols);
  }
  const std::int64_t m = args.x.rows;
  // Rows of x in equal shares of at most kBlockCols.
  const std::int64_t panels = (m + kBlockCols - 1) / kBlockCols;
  const bool streaming = panels <= kStreamPanels;
  for (std::int64_t p = 0; p < panels; ++p) {
    const std::int64_t row = p * m / panels;
    const int cols = static_cast<int>((p + 1) * m / panels - row);
    const PreparedX<Dot> rows{x.data + row * x.stride, x.scale + row, x.stride};
    for (int side = 0; side < sides; ++side) {
      tile_product(tiles[side], rows, {cols, streaming}, sums, sums.out[side]);
    }
    store_columns(args, place, {row, cols}, sums.out[0], sums.out[1]);
  }
}

template <class Dot>
void prepare_row(const ConstTensorView& x, std::int64_t row, typename Dot::X* out,
                 [[maybe_unused]] float* scale, std::int64_t padded) {
  if constexpr (std::is_same_v<Dot, DotInt8>) {
    scale[row] = quantise_row(x, row, out, padded);
  } else {
    const std::int64_t k = x.cols;
    if constexpr (std::is_same_v<typename Dot::X, float>) {
      float_row(x, row, out);
    } else {
      std::memcpy(out, x.row<std::uint16_t>(row), static_cast<std::size_t>(k) * sizeof(*out));
    }
    std::fill(out + k, out + padded, typename Dot::X{});
  }
}

template <class Dot, bool Unpack = false>
void linear_dot(const LinearArgs& args, Context& context) {
  using X = typename Dot::X;
  const std::int64_t m = args.x.rows;
  const std::int64_t k = args.x.cols;
  if (m == 0) {
    return;
  }
  const std::int64_t padded = (k + Dot::kStep - 1) / Dot::kStep * Dot::kStep;
  // Rows a power of two apart would fall into the same few sets of L1.
  const std::int64_t stride = padded + 64 / static_cast<std::int64_t>(sizeof(X));
  const std::size_t scale_bytes = (static_cast<std::size_t>(m) * sizeof(float) + 63) / 64 * 64;
  std::byte* memory =
      context.shared(scale_bytes + static_cast<std::size_t>(m * stride) * sizeof(X));
  auto* scale = static_cast<float*>(static_cast<void*>(memory));
  auto* data = static_cast<X*>(static_cast<void*>(memory + scale_bytes));
  context.pool().parallel_for(m, std::max<std::int64_t>(1, 32768 / k),
                              [&](std::int64_t begin, std::int64_t end, int) {
                                for (std::int64_t row = begin; row < end; ++row) {
                                  prepare_row<Dot>(args.x, row, data + row * stride, scale, padded);
                                }
                              });
  if constexpr (Unpack) {
    context.reserve_workers(static_cast<std::size_t>(2 * kTileRows * k) * sizeof(float));
  }
  const PreparedX<Dot> x{data, scale, stride};
  const std::int64_t tiles = tile_count(args);
  const std::int64_t grain = std::max<std::int64_t>(1, tiles / (context.pool().size() * 8));
  // A second panel of x must find the whole stretch in L2, and unpacked rows have room for one
  // tile.
  const std::int64_t joined = m <= kBlockCols && !Unpack ? kStreamTiles : 1;
  context.pool().parallel_for(tiles, grain, [&](std::int64_t begin, std::int64_t end, int worker) {
    auto* unpacked =
        Unpack ? static_cast<float*>(static_cast<void*>(context.worker(worker))) : nullptr;
    for (std::int64_t tile = begin; tile < end;) {
      TilePlace place = tile_place(args, tile);
      const std::int64_t rest =
          args.w.part[static_cast<std::size_t>(place.part)].rows - place.begin;
      const std::int64_t wanted = std::min(joined, end - tile);
      place.rows = static_cast<int>(std::min(wanted * kTileRows, rest));
      linear_tile<Dot, Unpack>(args, x, place, unpacked);
      tile += (place.rows + kTileRows - 1) / kTileRows;
    }
  });
}

void linear_int8(const LinearArgs& args, Context& context) { linear_dot<DotInt8>(args, context); }
