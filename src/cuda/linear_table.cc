// SPDX-License-Identifier: Apache-2.0
#include "cuda/linear_table.h"

#include <algorithm>

namespace monocle::cuda {
namespace {

// Every block reads its columns of x in float32: with more rows that costs more than a launch.
constexpr std::int64_t kFusedNormRows = 2;
constexpr std::int64_t kSm90Rows = 65;
// Two bf16 hold 16 bits of a float32: in sums shorter than this the rest could be seen.
constexpr std::int64_t kSplitColumns = 512;
constexpr std::int64_t kSm90TileRows = 256;  // of x: two blocks of a cluster

// Nanoseconds of a tile of so many rows of W, measured on an H200: each step of 128 bytes of k, the
// store, and the joining of parts.
struct Sm90Tile {
  int rows;
  std::int64_t step;
  std::int64_t store;
  std::int64_t join;
};
constexpr Sm90Tile kSm90Tiles[] = {{256, 700, 7000, 16000},
                                   {192, 560, 5700, 12000},
                                   {128, 400, 4500, 9000},
                                   {64, 330, 3500, 7000}};

constexpr int kSm90Splits = 4;

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

// 16-byte accesses need every row to start on 16 bytes.
bool tiles(const LinearArgs& args) {
  bool fits = args.x.dtype == DType::kBF16 && args.w.format() == QuantFormat::kBF16 &&
              args.x.cols % 8 == 0 && args.x.row_stride % 8 == 0 && aligned(args.x.data);
  for (int i = 0; i < args.w.parts; ++i) {
    fits = fits && aligned(args.w.part[static_cast<std::size_t>(i)].data);
  }
  return fits;
}

// The copy engine reads rows of x and W at multiples of 16 bytes, and columns of y are stored eight
// at a time.
bool fits_sm90(const LinearArgs& args) {
  const bool bytes = is_byte_channel(args.w.format());
  bool fits = (bytes || args.w.format() == QuantFormat::kBF16) &&
              (bytes || args.x.dtype == DType::kBF16 || args.x.cols >= kSplitColumns) &&
              args.x.cols % (bytes ? 16 : 8) == 0 && args.x.row_stride % 8 == 0 &&
              aligned(args.x.data) && args.y.row_stride % 8 == 0 && aligned(args.y.data) &&
              args.residual.row_stride % 8 == 0 && aligned(args.residual.data) &&
              aligned(args.bias);
  for (int i = 0; i < args.w.parts; ++i) {
    const WeightView& w = args.w.part[static_cast<std::size_t>(i)];
    fits = fits && aligned(w.data) && w.rows % 8 == 0;
  }
  return fits;
}

}  // namespace

LinearKernel choose_linear(const LinearArgs& args, const LinearDevice& device) {
  if (plan_batch(args, device.batch).fits) {
    return LinearKernel::kBatch;
  }
  if (device.sm90 && (args.x.rows >= kSm90Rows || device.batch_invariant) && fits_sm90(args)) {
    return LinearKernel::kSm90;
  }
  if (!device.batch_invariant && plan_stream(args, device.stream).fits) {
    return LinearKernel::kStream;
  }
  if (!device.batch_invariant && linear_slice(args, device.stream) > 0) {
    return LinearKernel::kSlices;
  }
  return tiles(args) ? LinearKernel::kTiles : LinearKernel::kSimple;
}

std::int64_t linear_slice(const LinearArgs& args, const StreamDevice& device) {
  for (std::int64_t rows = kStreamRows; is_byte_channel(args.w.format()) && rows >= 8; rows /= 2) {
    if (rows < args.x.rows && plan_stream(linear_rows(args, 0, rows), device).fits) {
      return rows;
    }
  }
  return 0;
}

LinearArgs linear_rows(const LinearArgs& args, std::int64_t begin, std::int64_t end) {
  LinearArgs out = args;
  out.x = args.x.slice_rows(begin, end - begin);
  out.y = args.y.slice_rows(begin, end - begin);
  if (args.residual.data != nullptr) {
    out.residual = args.residual.slice_rows(begin, end - begin);
  }
  return out;
}

bool fuses_norm(const NormArgs& norm, const LinearArgs& args, const LinearDevice& device) {
  return norm.kind == NormKind::kRms && norm.y.data == args.x.data && norm.y.rows == args.x.rows &&
         norm.y.cols == args.x.cols && norm.y.row_stride == args.x.row_stride &&
         norm.y.dtype == args.x.dtype && norm.x.row_stride % 4 == 0 && aligned(norm.x.data) &&
         aligned(norm.weight) && norm.x.rows <= kFusedNormRows && args.y.data != norm.x.data &&
         choose_linear(args, device) == LinearKernel::kStream;
}

std::int64_t linear_sm90_columns(const LinearArgs& args, int tile) {
  if (args.epilogue == Epilogue::kSwiGlu) {  // half of a tile is gate, half up
    return (2 * args.w.part[0].rows + tile - 1) / tile;
  }
  std::int64_t tiles = 0;
  for (int i = 0; i < args.w.parts; ++i) {
    tiles += (args.w.part[static_cast<std::size_t>(i)].rows + tile - 1) / tile;
  }
  return tiles;
}

Sm90Tiling linear_sm90_tiling(const LinearArgs& args, int multiprocessors, bool batch_invariant) {
  const std::int64_t rows = batch_invariant ? 1 : (args.x.rows + kSm90TileRows - 1) / kSm90TileRows;
  const int most_splits = batch_invariant ? 1 : kSm90Splits;
  const std::int64_t running = std::max(1, multiprocessors / 2);
  const std::int64_t columns = is_byte_channel(args.w.format()) ? 128 : 64;
  const std::int64_t steps = (args.x.cols + columns - 1) / columns;
  Sm90Tiling best;
  std::int64_t least = 0;
  for (const Sm90Tile& tile : kSm90Tiles) {
    for (int splits = 1; splits == 1 || (splits <= most_splits && steps / splits >= 8); ++splits) {
      const std::int64_t units = rows * linear_sm90_columns(args, tile.rows) * splits;
      const std::int64_t each =
          (steps + splits - 1) / splits * tile.step + tile.store + (splits > 1 ? tile.join : 0);
      const std::int64_t cost = (units + running - 1) / running * each;
      if (best.rows == 0 || cost < least) {
        best = {tile.rows, splits};
        least = cost;
      }
    }
  }
  return best;
}

}  // namespace monocle::cuda
