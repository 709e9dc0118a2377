// SPDX-License-Identifier: Apache-2.0
#include "cpu/linear.h"

#include <type_traits>

#include "cpu/linear_kernels.h"
#include "cpu/linear_table.h"
#include "quant/int8_channel.h"

#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/linear-inl.h"
#include "cpu/foreach_isa-inl.h"

namespace monocle::cpu {

LinearFunction dot_function(LinearKind kind, Isa isa) {
  switch (kind) {
    case LinearKind::kF32:
      return MONOCLE_CPU_PICK(isa, linear_f32);
    case LinearKind::kWidened:
      return MONOCLE_CPU_PICK(isa, linear_widened);
    case LinearKind::kBF16:
      return MONOCLE_CPU_PICK(isa, linear_bf16);
    case LinearKind::kInt8:
      return MONOCLE_CPU_PICK(isa, linear_int8);
    case LinearKind::kUnpacked:
      break;
  }
  return MONOCLE_CPU_PICK(isa, linear_unpacked);
}

void linear(const LinearArgs& args, Context& context) {
  const LinearKey key{args.w.format(), args.x.dtype, context.isa(), args.x.rows};
  linear_kernel(key).function(args, context);
}

}  // namespace monocle::cpu
