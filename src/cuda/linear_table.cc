// SPDX-License-Identifier: Apache-2.0
#include "cuda/linear_table.h"

namespace monocle::cuda {
namespace {

constexpr std::int64_t kSkinnyRows = 16;
constexpr std::int64_t kFusedNormRows =
    2;  // every block reads all of x in float32: soon more than a launch costs
constexpr std::int64_t kSkinnyColumns = 1024;  // of one round of the 8 warps

bool aligned(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

// 16-byte accesses need every row to start on 16 bytes.
bool streams(const LinearArgs& args) {
  bool fits = args.x.dtype == DType::kBF16 && args.w.format() == QuantFormat::kBF16 &&
              args.x.cols % 8 == 0 && args.x.row_stride % 8 == 0 && aligned(args.x.data);
  for (int i = 0; i < args.w.parts; ++i) {
    fits = fits && aligned(args.w.part[static_cast<std::size_t>(i)].data);
  }
  return fits;
}

std::size_t skinny_shared_bytes(std::int64_t rows, std::int64_t cols) {
  const std::int64_t padded = (cols + kSkinnyColumns - 1) / kSkinnyColumns * kSkinnyColumns + 32;
  return static_cast<std::size_t>(rows * padded * 2) + 22 * 1024;
}

}  // namespace

LinearKernel choose_linear(const LinearArgs& args, std::size_t shared_bytes) {
  if (!streams(args)) {
    return LinearKernel::kSimple;
  }
  const bool skinny =
      args.x.rows <= kSkinnyRows && skinny_shared_bytes(args.x.rows, args.x.cols) <= shared_bytes;
  return skinny ? LinearKernel::kSkinny : LinearKernel::kTiles;
}

bool fuses_norm(const NormArgs& norm, const LinearArgs& args, std::size_t shared_bytes) {
  return norm.kind == NormKind::kRms && norm.y.data == args.x.data && norm.y.rows == args.x.rows &&
         norm.y.cols == args.x.cols && norm.y.row_stride == args.x.row_stride &&
         norm.y.dtype == args.x.dtype && norm.x.row_stride % 4 == 0 && aligned(norm.x.data) &&
         aligned(norm.weight) && norm.x.rows <= kFusedNormRows && args.y.data != norm.x.data &&
         choose_linear(args, shared_bytes) == LinearKernel::kSkinny;
}

}  // namespace monocle::cuda
