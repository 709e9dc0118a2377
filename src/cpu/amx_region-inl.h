// SPDX-License-Identifier: Apache-2.0
// foreach_isa-inl.h's missing fourth: the kernel once more as monocle::cpu::amx, with AVX-512 VBMI
// (every processor with AMX has it; amx_attention() checks) and the tile instructions. For kernels
// that mix tiles and vectors. The vocabulary of simd-inl.h is AVX-512's; bodies ask `#ifdef
// MONOCLE_ISA_AMX` for the tiles.

#include "cpu/amx.h"

#if MONOCLE_CPU_X86
MONOCLE_AMX_REGION_BEGIN
#pragma GCC target("avx512vbmi")
#define MONOCLE_ISA_PORTABLE 0
#define MONOCLE_ISA_AVX2 0
#define MONOCLE_ISA_AVX512 1
#define MONOCLE_ISA_AMX 1
namespace monocle::cpu::amx {
#include "cpu/simd-inl.h"
#include MONOCLE_CPU_KERNEL
}  // namespace monocle::cpu::amx
#undef MONOCLE_ISA_PORTABLE
#undef MONOCLE_ISA_AVX2
#undef MONOCLE_ISA_AVX512
#undef MONOCLE_ISA_AMX
MONOCLE_AMX_REGION_END
#endif  // MONOCLE_CPU_X86
#undef MONOCLE_CPU_KERNEL
