// SPDX-License-Identifier: Apache-2.0
#include "cpu/norm.h"

#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/norm-inl.h"
#include "cpu/foreach_isa-inl.h"

namespace monocle::cpu {

void norm(Context& context, const NormArgs& args) {
  const auto row = args.y.dtype == DType::kF32
                       ? MONOCLE_CPU_PICK(context.isa(), norm_row<float>)
                       : MONOCLE_CPU_PICK(context.isa(), norm_row<std::uint16_t>);
  // A fork costs about as much as normalising this many elements.
  constexpr std::int64_t kGrainElements = 16384;
  const std::int64_t grain =
      std::max<std::int64_t>(1, kGrainElements / std::max<std::int64_t>(1, args.x.cols));
  context.pool().parallel_for(args.x.rows, grain, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t i = begin; i < end; ++i) {
      row(args, i);
    }
  });
}

}  // namespace monocle::cpu
