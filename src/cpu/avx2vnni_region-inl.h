// SPDX-License-Identifier: Apache-2.0
// The kernel once more as monocle::cpu::avx2vnni: the vectors of avx2, with VPDPBUSD for products
// of bytes. Only for bodies that take such products; all others run as avx2 (vector_isa).
#if MONOCLE_CPU_X86

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,popcnt,avxvnni")
#define MONOCLE_ISA_PORTABLE 0
#define MONOCLE_ISA_AVX2 1
#define MONOCLE_ISA_AVX512 0
#define MONOCLE_ISA_AVX2VNNI 1
namespace monocle::cpu::avx2vnni {
#include "cpu/simd-inl.h"
#include MONOCLE_CPU_KERNEL
}  // namespace monocle::cpu::avx2vnni
#undef MONOCLE_ISA_PORTABLE
#undef MONOCLE_ISA_AVX2
#undef MONOCLE_ISA_AVX512
#undef MONOCLE_ISA_AVX2VNNI
#pragma GCC pop_options

#endif  // MONOCLE_CPU_X86
#undef MONOCLE_CPU_KERNEL
