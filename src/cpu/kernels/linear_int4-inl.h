// SPDX-License-Identifier: Apache-2.0
// y = x Wᵀ for 4-bit groups and few rows of x, x quantised to int8 per row:
//
//   y[i][r] = scale[r] scale_x[i] Σ_g step[r][g] (Σ_k code[r][k] x[i][k] - zero[r][g] Σ_k x[i][k])
//
// One output per lane: a line of four columns of 16 rows meets four activations that all lanes
// share, so no sum crosses lanes and a group is scaled in one multiplication. All sums are exact
// integers, the same as those of the int8 kernels on expanded codes. A tile of W is one run of
// memory, read once for up to kInt4Cols rows of x: 4.25 bits a weight, at 31 instructions per 512
// weights on avx512, less than half of what the memory leaves time for.

inline constexpr int kInt4Cols = kRegisters == 32 ? 8 : 4;  // rows of x at once
inline constexpr std::int64_t kInt4Ahead = 4 * kInt4BlockBytes;

// x as int8, whole blocks, with the sums of its groups.
struct Int4X {
  const std::int8_t* codes = nullptr;  // [m, stride]
  const std::int32_t* sums = nullptr;  // [m, stride / 32]
  const float* scale = nullptr;        // [m]
  std::int64_t stride = 0;
};

// sums[c][r] for 16 rows of W and C rows of x.
template <unsigned C>
void int4_tile(const std::uint8_t* tile, const Int4X& x, std::int32_t (*sums)[kTileRows]) {
  constexpr int kVectors = static_cast<int>(kInt4Rows) / kLanes;
  VI total[kVectors][C];
  for (auto& vector : total) {
    for (VI& sum : vector) {
      sum = iset(0);
    }
  }
  const std::int64_t groups = x.stride / kInt4Group;
  for (std::int64_t k = 0; k < x.stride; k += kInt4BlockCols, tile += kInt4BlockBytes) {
    for (std::int64_t line = 0; line < kInt4BlockBytes; line += 64) {
      prefetch_line(tile + kInt4Ahead + line);
    }
    for (int v = 0; v < kVectors; ++v) {
      const std::uint8_t* at = tile + v * 4 * kLanes;
      const VN grid = nload(at);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j) {
        VI acc[C];
#pragma GCC unroll 8
        for (unsigned c = 0; c < C; ++c) {
          acc[c] = iset(0);
        }
#pragma GCC unroll 4
        for (int line = 4 * j; line < 4 * j + 4; ++line) {
          const VN pairs = nload(at + 64 * (1 + line));
          const VN low = nlow(pairs);
          const VN high = nhigh(pairs);
#pragma GCC unroll 8
          for (unsigned c = 0; c < C; ++c) {
            const std::int8_t* quads = x.codes + c * x.stride + k + 8 * line;
            acc[c] = ndot(acc[c], low, nquad(quads));
            acc[c] = ndot(acc[c], high, nquad(quads + 4));
          }
        }
        const VI step = nbits(grid, static_cast<std::uint8_t>(8 * j));
        const VI zero = nbits(grid, static_cast<std::uint8_t>(8 * j + 4));
#pragma GCC unroll 8
        for (unsigned c = 0; c < C; ++c) {
          const VI shift = imul(zero, iset(x.sums[c * groups + k / kInt4Group + j]));
          total[v][c] = iadd(total[v][c], imul(step, isub(acc[c], shift)));
        }
      }
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    for (unsigned c = 0; c < C; ++c) {
      istore(sums[c] + v * kLanes, total[v][c]);
    }
  }
}

using Int4TileFunction = void (*)(const std::uint8_t*, const Int4X&, std::int32_t (*)[kTileRows]);

template <unsigned... I>
Int4TileFunction int4_tile_for(int cols, std::integer_sequence<unsigned, I...>) {
  constexpr Int4TileFunction kTiles[] = {int4_tile<I + 1>...};
  return kTiles[cols - 1];
}

// out[c][r] for the rows of one part of W that `place` names.
inline void int4_product(const WeightView& part, const TilePlace& place, const Int4X& x, int cols,
                         float (*out)[kTileRows]) {
  alignas(64) std::int32_t sums[kInt4Cols][kTileRows];
  const auto* tile = static_cast<const std::uint8_t*>(part.data) +
                     place.begin / kInt4Rows * int4_tile_bytes(part.cols);
  const Int4TileFunction product =
      int4_tile_for(cols, std::make_integer_sequence<unsigned, kInt4Cols>());
  for (int r = 0; r < place.rows; r += static_cast<int>(kInt4Rows)) {
    product(tile, x, reinterpret_cast<std::int32_t(*)[kTileRows]>(&sums[0][r]));
    tile += int4_tile_bytes(part.cols);
  }
  const float* scale = int8_scales(part) + place.begin;
  for (int c = 0; c < cols; ++c) {
    for (int r = 0; r < place.rows; ++r) {
      out[c][r] = static_cast<float>(sums[c][r]) * scale[r] * x.scale[c];
    }
  }
}

inline void int4_rows(const LinearArgs& args, const Int4X& x, std::int64_t index) {
  alignas(64) float out[2][kInt4Cols][kTileRows] = {};  // gate (or all) and up
  const TilePlace place = tile_place(args, index);
  const int sides = args.epilogue == Epilogue::kSwiGlu ? 2 : 1;
  const std::int64_t m = args.x.rows;
  const std::int64_t panels = (m + kInt4Cols - 1) / kInt4Cols;
  for (std::int64_t p = 0; p < panels; ++p) {
    const std::int64_t row = p * m / panels;
    const int cols = static_cast<int>((p + 1) * m / panels - row);
    const Int4X rows{x.codes + row * x.stride, x.sums + row * (x.stride / kInt4Group),
                     x.scale + row, x.stride};
    for (int side = 0; side < sides; ++side) {
      int4_product(args.w.part[static_cast<std::size_t>(place.part + side)], place, rows, cols,
                   out[side]);
    }
    store_columns(args, place, {row, cols}, out[0], out[1]);
  }
}

inline float int4_prepare_row(const ConstTensorView& x, std::int64_t row, std::int64_t padded,
                              std::int8_t* codes, std::int32_t* sums) {
  const auto store = [codes](std::int64_t i, VF v) { vstore_signed(codes + i, v); };
  const float scale = x.dtype == DType::kF32
                          ? quantise(x.row<float>(row), x.cols, padded, store)
                          : quantise(x.row<std::uint16_t>(row), x.cols, padded, store);
  for (std::int64_t g = 0; g < padded / kInt4Group; ++g) {
    std::int32_t sum = 0;
    for (std::int64_t i = 0; i < kInt4Group; ++i) {
      sum += codes[g * kInt4Group + i];
    }
    sums[g] = sum;
  }
  return scale;
}

void linear_int4(const LinearArgs& args, Context& context) {
  const std::int64_t m = args.x.rows;
  if (m == 0) {
    return;
  }
  const std::int64_t padded = int4_blocks(args.x.cols) * kInt4BlockCols;
  const std::int64_t groups = padded / kInt4Group;
  const std::size_t scale_bytes = (static_cast<std::size_t>(m) * sizeof(float) + 63) / 64 * 64;
  const std::size_t sum_bytes = static_cast<std::size_t>(m * groups) * sizeof(std::int32_t);
  std::byte* memory =
      context.shared(scale_bytes + sum_bytes + static_cast<std::size_t>(m * padded));
  auto* scale = static_cast<float*>(static_cast<void*>(memory));
  auto* sums = static_cast<std::int32_t*>(static_cast<void*>(memory + scale_bytes));
  auto* codes = static_cast<std::int8_t*>(static_cast<void*>(memory + scale_bytes + sum_bytes));
  context.pool().parallel_for(
      m, std::max<std::int64_t>(1, 32768 / padded), [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t row = begin; row < end; ++row) {
          scale[row] =
              int4_prepare_row(args.x, row, padded, codes + row * padded, sums + row * groups);
        }
      });
  const Int4X x{codes, sums, scale, padded};
  const std::int64_t tiles = tile_count(args);
  const std::int64_t grain = std::max<std::int64_t>(1, tiles / (context.pool().size() * 8));
  context.pool().parallel_for(tiles, grain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t tile = begin; tile < end; ++tile) {
      int4_rows(args, x, tile);
    }
  });
}

// Eight columns of 16 rows from line `i` of a block, four bytes a row in each half of `out`.
inline void int4_expand_line(const std::uint8_t* block, std::int64_t i,
                             std::uint8_t (*out)[4 * kInt4Rows]) {
  const auto shift = static_cast<std::uint8_t>(i / 4 * 8);
  for (std::int64_t v = 0; v < 4 * kInt4Rows; v += 4 * kLanes) {
    const VN grid = nload(block + v);
    const VN pairs = nload(block + 64 * (1 + i) + v);
    const VI step = nbits(grid, shift);
    const VI zero = nbits(grid, shift + 4U);
    nstore(out[0] + v, nscale(nlow(pairs), step, zero));
    nstore(out[1] + v, nscale(nhigh(pairs), step, zero));
  }
}

// One tile of W as the rows of int8 that it stands for, row-major at `out` [rows, cols].
void int4_expand(const std::uint8_t* tile, const Int4Tile& at, std::int8_t* out) {
  alignas(64) std::uint8_t line[2][4 * kInt4Rows];
  const std::int64_t rows = std::min(kInt4Rows, at.rows - at.first);
  out += at.first * at.cols;
  for (std::int64_t c = 0; c < at.cols; c += 8) {
    const std::uint8_t* block = tile + c / kInt4BlockCols * kInt4BlockBytes;
    int4_expand_line(block, c % kInt4BlockCols / 8, line);
    if (c + 8 <= at.cols) {
      for (std::int64_t r = 0; r < rows; ++r) {
        std::memcpy(out + r * at.cols + c, line[0] + 4 * r, 4);
        std::memcpy(out + r * at.cols + c + 4, line[1] + 4 * r, 4);
      }
      continue;
    }
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t b = 0; b < at.cols - c; ++b) {
        out[r * at.cols + c + b] = static_cast<std::int8_t>(line[b / 4][4 * r + b % 4]);
      }
    }
  }
}
