// SPDX-License-Identifier: Apache-2.0
#include "cuda/stream_plan.h"

#include <algorithm>

namespace monocle::cuda {
namespace {

constexpr int kTileRows = 16;
// Above this x crowds out the block of the next launch, which would load its weights meanwhile.
constexpr std::size_t kSharedX = std::size_t{40} << 10;
constexpr std::size_t kNarrowSharedX = std::size_t{14} << 10;
constexpr std::int64_t kNarrowRows = 2;
constexpr std::int64_t kTokens = 8;  // of an instruction

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

// Copies of 16 bytes, and eight neighbouring rows of W lie in one part.
bool streams(const LinearArgs& args) {
  const bool bytes = is_byte_channel(args.w.format());
  bool fits = args.x.rows <= kStreamRows && args.x.dtype == DType::kBF16 &&
              (bytes || args.w.format() == QuantFormat::kBF16 ||
               args.w.format() == QuantFormat::kInt4Group) &&
              args.x.cols % (bytes ? 16 : 8) == 0 && args.x.row_stride % 8 == 0 &&
              aligned(args.x.data);
  for (int i = 0; i < args.w.parts; ++i) {
    const WeightView& part = args.w.part[static_cast<std::size_t>(i)];
    const bool last = i + 1 == args.w.parts || args.epilogue == Epilogue::kSwiGlu;
    fits = fits && aligned(part.data) && (last || part.rows % 8 == 0);
  }
  return fits;
}

struct Sizes {
  std::int64_t rows;     // of x
  std::int64_t columns;  // of x and W
  std::int64_t units;    // 16 rows of W
  std::int64_t element;  // bytes of a weight
  bool int4;
};

StreamPlan divide(const Sizes& sizes, bool narrow, int cluster, const StreamDevice& device) {
  const StreamRing ring = narrow ? kNarrowRing : kWideRing;
  const int sharing = narrow ? kStreamWarps : 1;  // warps of a block that share columns
  const std::int64_t step =
      (sizes.int4 ? kInt4StageColumns : ring.row_bytes / sizes.element) * sharing;
  StreamPlan plan;
  plan.narrow = narrow;
  plan.cluster = cluster;
  while (8 * plan.token_tiles < sizes.rows) {
    plan.token_tiles *= 2;
  }
  plan.slice = static_cast<int>(round_up((sizes.columns + cluster - 1) / cluster, step));
  plan.chunks = static_cast<int>(plan.slice / step);
  // Lanes that load at the same time meet different banks.
  plan.pitch = plan.slice + (sizes.int4 ? 32 : 8);
  plan.tiles =
      static_cast<int>(narrow ? sizes.units : (sizes.units + kStreamWarps - 1) / kStreamWarps);
  plan.groups = std::min(plan.tiles, std::max(1, device.multiprocessors / cluster));
  const std::int64_t segments = (plan.slice + kStreamSegment - 1) / kStreamSegment;
  const std::int64_t rows = narrow ? sizes.rows : 8 * plan.token_tiles;  // of x, padded
  const std::int64_t room = std::int64_t{kStreamWarps} * 8 * plan.token_tiles * kStreamTokenPitch;
  const int stages =
      sizes.int4 ? kInt4StageBytes * ring.int4_stages : kTileRows * ring.row_bytes * ring.stages;
  plan.shared_bytes = static_cast<std::size_t>(kStreamWarps * stages + 4 * room * (narrow ? 2 : 1) +
                                               4 * kStreamRows + 4 * round_up(rows * segments, 4) +
                                               2 * rows * plan.pitch);
  plan.fits = plan.shared_bytes <= device.shared_bytes;
  return plan;
}

// The share of the multiprocessors that have work in the mean round.
double use(const StreamPlan& plan, const StreamDevice& device) {
  const int rounds = (plan.tiles + plan.groups - 1) / plan.groups;
  return static_cast<double>(plan.tiles) * plan.cluster /
         (static_cast<double>(rounds) * std::max(1, device.multiprocessors));
}

}  // namespace

StreamPlan plan_stream(const LinearArgs& args, const StreamDevice& device) {
  if (args.x.rows == 0 || !streams(args)) {
    return {};
  }
  const std::int64_t group = args.epilogue == Epilogue::kSwiGlu ? kTileRows / 2 : kTileRows;
  const Sizes sizes{args.x.rows, args.x.cols, (args.y.cols + group - 1) / group,
                    is_byte_channel(args.w.format()) ? 1 : 2,
                    args.w.format() == QuantFormat::kInt4Group};
  const auto x_bytes = [&](const StreamPlan& plan) {
    return static_cast<std::size_t>(2 * sizes.rows * plan.pitch);
  };
  const StreamPlan narrow = divide(sizes, true, 1, device);
  const bool best_so = sizes.rows <= kNarrowRows && x_bytes(narrow) <= kNarrowSharedX;
  if (narrow.fits && sizes.rows <= kTokens && (best_so || !device.clusters)) {
    return narrow;
  }
  StreamPlan best = divide(sizes, false, 1, device);
  for (int cluster = 2; device.clusters && cluster <= kMaxCluster; cluster *= 2) {
    const StreamPlan plan = divide(sizes, false, cluster, device);
    const bool smaller = x_bytes(best) > kSharedX && x_bytes(plan) < x_bytes(best);
    if (plan.slice < best.slice && (smaller || use(plan, device) > use(best, device) + 0.05)) {
      best = plan;
    }
  }
  return best;
}

}  // namespace monocle::cuda
