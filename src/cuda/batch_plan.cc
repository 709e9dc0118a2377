// SPDX-License-Identifier: Apache-2.0
#include "cuda/batch_plan.h"

#include <algorithm>

namespace monocle::cuda {
namespace {

// Fewer rows are a matter of latency; there linear_stream and the layers in one launch are faster.
constexpr std::int64_t kFewestRows = 17;

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

// The copy engine reads rows at multiples of 16 bytes, and a box of W lies in one part.
bool reads(const LinearArgs& args) {
  bool fits = args.x.rows >= kFewestRows && args.x.rows <= kBatchMostRows &&
              args.x.dtype == DType::kBF16 && args.w.format() == QuantFormat::kBF16 &&
              args.x.cols % 8 == 0 && args.x.row_stride % 8 == 0 && aligned(args.x.data);
  for (int i = 0; i < args.w.parts; ++i) {
    const WeightView& part = args.w.part[static_cast<std::size_t>(i)];
    const bool last = i + 1 == args.w.parts || args.epilogue == Epilogue::kSwiGlu;
    fits = fits && aligned(part.data) && part.rows > 0 && (last || part.rows % kBatchBox == 0);
  }
  return fits;
}

std::int64_t divide_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit; }

}  // namespace

BatchPlan plan_batch(const LinearArgs& args, const BatchDevice& device) {
  BatchPlan plan;
  // With one tile each, two blocks fit a multiprocessor: clusters that find no four free ones close
  // together share some.
  const int clusters = device.multiprocessors / kBatchCluster;
  if (clusters < 1 || !reads(args)) {
    return plan;
  }
  const bool pairs = args.epilogue == Epilogue::kSwiGlu;
  const std::int64_t narrow_tiles = divide_up(args.y.cols, kBatchBox);
  const std::int64_t wide_tiles = pairs ? narrow_tiles : divide_up(args.y.cols, 2 * kBatchBox);
  // What matters is how many rows of W the busiest cluster has; ties go to fewer joins.
  plan.wide = pairs || 2 * divide_up(wide_tiles, clusters) <= divide_up(narrow_tiles, clusters);
  plan.tokens = args.x.rows <= 32 ? 32 : 64;
  plan.tiles = static_cast<int>(plan.wide ? wide_tiles : narrow_tiles);
  plan.groups = plan.tiles;
  if (plan.tokens <= kBatchStayTokens && plan.tiles > clusters) {
    // With several each, a block needs the whole memory of a multiprocessor: a second wave of
    // clusters would take as long as the first.
    plan.groups = std::clamp(device.clusters, 1, clusters);
  }
  const std::int64_t unit = plan.wide ? kBatchBox : 2 * kBatchBox;
  plan.slice = static_cast<int>(divide_up(divide_up(args.x.cols, kBatchCluster), unit) * unit);
  plan.fits = true;
  return plan;
}

int square_parts(const BatchPlan& plan) {
  // 32 rows of x and a narrow tile: two blocks share the rows of W for a row of x.
  return plan.tiles * (!plan.wide && plan.tokens == 32 ? 2 : 1);
}

}  // namespace monocle::cuda
