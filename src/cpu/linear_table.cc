// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear_table.h"

#include <limits>

#include "base/check.h"
#include "cpu/linear_kernels.h"

namespace monocle::cpu {
namespace {

// Fewer rows than this are one pass of the dot kernels, which stream W a little faster. For int8
// the two agree to the bit; for bf16 they add in another order.
constexpr std::int64_t kAmxRows = 5;

// From this many rows of x on, copies of both factors pay on avx512, and expanding 4-bit groups
// once instead of for every few rows of x does elsewhere. The int8 kernels agree to the bit.
constexpr std::int64_t kCopyRows = 33;
constexpr std::int64_t kExpandRows = 17;

// From how many rows on the kernel for many is taken. Where the two do not agree to the bit, one
// of them serves every m if rows may not depend on their company: the one that is less far from
// the other where the other is best.
struct ManyRows {
  std::int64_t panels = kCopyRows;
  std::int64_t tiles = kAmxRows;
};

ManyRows many_rows(const LinearKey& key, LinearKind kind) {
  if (key.batch_invariant && kind == LinearKind::kBF16) {
    return {.panels = std::numeric_limits<std::int64_t>::max(), .tiles = 1};
  }
  return {};
}

struct Choice {
  LinearKind kind;
  const char* name;
};

Choice choice(QuantFormat format, DType x, Isa isa) {
  switch (format) {
    case QuantFormat::kF32:
      return {LinearKind::kF32, "dot f32 x f32"};
    case QuantFormat::kBF16:
      if (x == DType::kF32) {
        return {LinearKind::kWidened, "dot f32 x bf16 widened"};
      }
      return {LinearKind::kBF16,
              bf16_products(isa) ? "dot bf16 x bf16" : "dot bf16 x bf16, both widened"};
    case QuantFormat::kInt8Channel:
      return {LinearKind::kInt8, "dot int8 x int8"};
    case QuantFormat::kInt4Group:
      return {LinearKind::kInt4, "int4 groups x int8"};
    case QuantFormat::kF16:
    case QuantFormat::kFp8Channel:
      break;
  }
  return {LinearKind::kUnpacked, "rows unpacked, dot f32 x f32"};
}

}  // namespace

LinearKernel linear_kernel(const LinearKey& key) {
  MONOCLE_CHECK(key.x == DType::kF32 || key.x == DType::kBF16);
  const Choice chosen = choice(key.format, key.x, key.isa);
  const ManyRows many = many_rows(key, chosen.kind);
  if (key.isa == Isa::kAvx512 && key.m >= many.panels) {
    if (const LinearFunction panels = panel_function(chosen.kind); panels != nullptr) {
      return {chosen.kind == LinearKind::kBF16   ? "panel bf16 x bf16"
              : chosen.kind == LinearKind::kInt8 ? "panel int8 x int8"
                                                 : "panel int4 groups x int8",
              panels};
    }
  }
  if (chosen.kind == LinearKind::kInt4 && key.m >= kExpandRows) {
    return {"int4 groups expanded, int8 x int8", linear_expanded};
  }
  if (key.isa == Isa::kAmx && key.m >= many.tiles) {
    if (const LinearFunction tiles = amx_function(chosen.kind); tiles != nullptr) {
      return {chosen.kind == LinearKind::kInt8 ? "amx int8 x int8" : "amx bf16 x bf16", tiles};
    }
  }
  return {chosen.name, dot_function(chosen.kind, key.isa)};
}

bool linear_native(QuantFormat format) {
  return choice(format, DType::kF32, Isa::kPortable).kind != LinearKind::kUnpacked;
}

}  // namespace monocle::cpu
