// SPDX-License-Identifier: Apache-2.0
#include <type_traits>

#include "cpu/amx.h"
#include "cpu/linear_kernels.h"
#include "quant/int8_channel.h"

#include "cpu/simd_includes.h"
#define MONOCLE_CPU_KERNEL "cpu/kernels/linear_tiles-inl.h"
#include "cpu/amx_region-inl.h"

namespace monocle::cpu {

LinearFunction amx_function([[maybe_unused]] LinearKind kind) {
#if MONOCLE_CPU_X86
  if (kind == LinearKind::kBF16) {
    return &amx::linear_amx_bf16;
  }
  if (kind == LinearKind::kInt8) {
    return &amx::linear_amx_int8;
  }
#endif
  return nullptr;
}

}  // namespace monocle::cpu
