// SPDX-License-Identifier: Apache-2.0
// The launch of linear_sm90.cuh: tensor maps, narrowed rows of x, and which tiles.
#include "cuda/kernels/linear_sm90.cuh"

#include <algorithm>

#include "base/check.h"
#include "cuda/kernels/kernels.h"
#include "cuda/tensor_map.h"

namespace monocle::cuda {
namespace {

template <class P>
void launch_sm90(const Launch& at, Sm90Args& args, std::size_t room) {
  auto* kernel = linear_sm90_kernel<P>;
  allow_shared(kernel, P::kSharedBytes);
  const int tiles = args.tiles_m * args.tiles_n;
  const std::size_t places = static_cast<std::size_t>(tiles) * kCluster * kGroups;
  if (places > kCounters ||
      places * static_cast<std::size_t>(args.splits) * P::kSums * 128 > room) {
    args.splits = 1;
  }
  const int clusters = std::min(tiles * args.splits, at.multiprocessors / kCluster);
  launch(
      at, kernel,
      {dim3(static_cast<unsigned>(clusters * kCluster)), dim3(kThreads), P::kSharedBytes, kCluster},
      args);
}

template <QuantFormat kFormat>
void launch_tile(const Launch& at, Sm90Args& args, int tile, std::size_t room) {
  switch (tile) {
    case 256:
      return launch_sm90<Plan<256, 4, kFormat>>(at, args, room);
    case 192:
      return launch_sm90<Plan<192, 5, kFormat>>(at, args, room);
    case 128:
      return launch_sm90<Plan<128, 6, kFormat>>(at, args, room);
    default:
      MONOCLE_CHECK(tile == 64);
      return launch_sm90<Plan<64, 8, kFormat>>(at, args, room);
  }
}

// What the copy engine reads for linear.x, which is of the type of W; scratch memory is in use up
// to `used` floats.
struct NarrowX {
  MatrixMap map;
  const float* scale = nullptr;
  std::size_t used = 0;
};

void run(const Launch& at, const LinearArgs& linear, const Sm90Tiling& tiling, const NarrowX& x) {
  const int columns = is_byte_channel(linear.w.format()) ? 128 : 64;
  Sm90Args args{};
  args.linear = linear;
  args.x_scale = x.scale;
  args.x = make_tensor_map(x.map);
  for (int i = 0; i < linear.w.parts; ++i) {
    const WeightView& w = linear.w.part[static_cast<std::size_t>(i)];
    args.w[i] = make_tensor_map({.data = w.data,
                                 .element_bytes = x.map.element_bytes,
                                 .rows = w.rows,
                                 .cols = w.cols,
                                 .row_bytes = w.cols * x.map.element_bytes,
                                 .box_rows = tiling.rows / 2});
  }
  args.tiles_m = static_cast<int>((linear.x.rows + kM * kCluster - 1) / (kM * kCluster));
  args.tiles_n = static_cast<int>(linear_sm90_columns(linear, tiling.rows));
  args.steps = static_cast<int>((x.map.cols + columns - 1) / columns);
  args.steps_w = static_cast<int>((linear.w.cols() + columns - 1) / columns);
  args.splits = std::clamp(tiling.splits, 1, args.steps);
  args.parts = at.scratch + x.used;
  args.counters = at.counters;
  const std::size_t room = at.scratch_floats - x.used;
  switch (linear.w.format()) {
    case QuantFormat::kInt8Channel:
      return launch_tile<QuantFormat::kInt8Channel>(at, args, tiling.rows, room);
    case QuantFormat::kFp8Channel:
      return launch_tile<QuantFormat::kFp8Channel>(at, args, tiling.rows, room);
    default:
      return launch_tile<QuantFormat::kBF16>(at, args, tiling.rows, room);
  }
}

}  // namespace

void linear_sm90(const Launch& at, const LinearArgs& args, const Sm90Tiling& tiling) {
  const bool bytes = is_byte_channel(args.w.format());
  const std::int64_t k = args.x.cols;
  if (!bytes && args.x.dtype == DType::kBF16) {
    return run(at, args, tiling,
               {{args.x.data, 2, args.x.rows, k, 2 * args.x.row_stride, kM}, nullptr, 0});
  }
  // The narrowed rows take turns in scratch memory: scales first, then the rows.
  constexpr std::int64_t kUnit = kM * kCluster;
  const std::int64_t row_bytes = narrow_row_bytes(args);
  const auto room = static_cast<std::int64_t>(at.scratch_floats * sizeof(float));
  const std::int64_t most = room / (row_bytes + 4) / kUnit * kUnit;
  MONOCLE_CHECK(most > 0);
  const std::int64_t chunks = (args.x.rows + most - 1) / most;
  const std::int64_t each = std::min(most, (args.x.rows / chunks + kUnit) / kUnit * kUnit);
  for (std::int64_t begin = 0; begin < args.x.rows; begin += each) {
    const std::int64_t count = std::min(each, args.x.rows - begin);
    const LinearArgs part = linear_rows(args, begin, begin + count);
    float* scale = at.scratch;
    void* narrow = at.scratch + each;
    const auto used = static_cast<std::size_t>(each + each * row_bytes / 4);
    if (bytes) {
      quantise_rows(at, part.x, args.w.format(), narrow, scale);
      run(at, part, tiling, {{narrow, 1, count, k, row_bytes, kM}, scale, used});
    } else {
      split_rows(at, part.x, narrow, row_bytes);
      run(at, part, tiling, {{narrow, 2, count, row_bytes / 2, row_bytes, kM}, nullptr, used});
    }
  }
}

}  // namespace monocle::cuda
