// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear.h"

#include <type_traits>

#include "cpu/linear_kernels.h"
#include "cpu/linear_table.h"
#include "quant/int4_group.h"
#include "quant/int8_channel.h"

#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/linear-inl.h"
#include "cpu/foreach_isa-inl.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/linear_integer-inl.h"
#include "cpu/avx2vnni_region-inl.h"

namespace monocle::cpu {

LinearFunction dot_function(LinearKind kind, Isa isa) {
#if MONOCLE_CPU_X86
  if (isa == Isa::kAvx2Vnni && kind == LinearKind::kInt8) {
    return &avx2vnni::linear_int8;
  }
  if (isa == Isa::kAvx2Vnni && kind == LinearKind::kInt4) {
    return &avx2vnni::linear_int4;
  }
#endif
  switch (kind) {
    case LinearKind::kF32:
      return MONOCLE_CPU_PICK(isa, linear_f32);
    case LinearKind::kWidened:
      return MONOCLE_CPU_PICK(isa, linear_widened);
    case LinearKind::kBF16:
      return MONOCLE_CPU_PICK(isa, linear_bf16);
    case LinearKind::kInt8:
      return MONOCLE_CPU_PICK(isa, linear_int8);
    case LinearKind::kInt4:
      return MONOCLE_CPU_PICK(isa, linear_int4);
    case LinearKind::kExpanded:
    case LinearKind::kUnpacked:
      break;
  }
  return MONOCLE_CPU_PICK(isa, linear_unpacked);
}

LinearFunction panel_function([[maybe_unused]] LinearKind kind) {
#if MONOCLE_CPU_X86
  if (kind == LinearKind::kBF16) {
    return &avx512::linear_panel_bf16;
  }
  if (kind == LinearKind::kInt8 || kind == LinearKind::kInt4) {
    return &avx512::linear_panel_int8;
  }
#endif
  return nullptr;
}

void linear_expanded(const LinearArgs& args, Context& context) {
  const auto expand = MONOCLE_CPU_PICK(context.isa(), int4_expand);
  const std::int64_t cols = args.x.cols;
  LinearArgs as_int8 = args;
  std::byte* memory = context.expanded(static_cast<std::size_t>(args.w.rows() * cols));
  for (int p = 0; p < args.w.parts; ++p) {
    WeightView& part = as_int8.w.part[static_cast<std::size_t>(p)];
    const auto* tiles = static_cast<const std::uint8_t*>(part.data);
    auto* rows = static_cast<std::int8_t*>(static_cast<void*>(memory));
    context.pool().parallel_for(
        (part.rows + kInt4Rows - 1) / kInt4Rows, 8, [&](std::int64_t begin, std::int64_t end, int) {
          for (std::int64_t t = begin; t < end; ++t) {
            expand(tiles + t * int4_tile_bytes(cols), {t * kInt4Rows, part.rows, cols}, rows);
          }
        });
    part.data = memory;
    part.format = QuantFormat::kInt8Channel;
    memory += part.rows * cols;
  }
  linear(as_int8, context);
}

void linear(const LinearArgs& args, Context& context) {
  const LinearKey key{.format = args.w.format(),
                      .x = args.x.dtype,
                      .isa = context.isa(),
                      .m = args.x.rows,
                      .batch_invariant = context.batch_invariant()};
  linear_kernel(key).function(args, context);
}

}  // namespace monocle::cpu
