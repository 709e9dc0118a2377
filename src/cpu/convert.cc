// SPDX-License-Identifier: Apache-2.0
#include "cpu/convert.h"

#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/convert-inl.h"
#include "cpu/foreach_isa-inl.h"

namespace monocle::cpu {

ConvertKernels convert_kernels(Isa isa) {
  return {MONOCLE_CPU_PICK(isa, bf16_row_from_float), MONOCLE_CPU_PICK(isa, float_row_from_bf16),
          MONOCLE_CPU_PICK(isa, exp_row)};
}

}  // namespace monocle::cpu
