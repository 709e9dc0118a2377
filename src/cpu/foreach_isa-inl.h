// SPDX-License-Identifier: Apache-2.0
// Compiles one kernel body once per instruction set. Use, at the end of the includes of a .cc file:
//
//   #include "cpu/simd_includes.h"
//   #define MONOCLE_CPU_KERNEL "cpu/kernels/convert-inl.h"
//   #include "cpu/foreach_isa-inl.h"
//
// and the body then exists as monocle::cpu::{portable,avx2,avx512}::f, on Arm {portable,neon}::f.
// avx2vnni and amx have files of their own: few bodies differ there. Regions, not per-file flags:
// with -mavx512f on a file, weak symbols of the standard library (std::__rotate, ...) are compiled
// for it too, and the linker may keep that copy for the whole program. Inside a region only our own
// functions get the wider target. No include guard.

#ifndef MONOCLE_CPU_KERNEL
#error "define MONOCLE_CPU_KERNEL first"
#endif

#define MONOCLE_ISA_PORTABLE 1
#define MONOCLE_ISA_AVX2 0
#define MONOCLE_ISA_AVX512 0
namespace monocle::cpu::portable {
#include "cpu/simd-inl.h"
#include MONOCLE_CPU_KERNEL
}  // namespace monocle::cpu::portable
#undef MONOCLE_ISA_PORTABLE
#undef MONOCLE_ISA_AVX2
#undef MONOCLE_ISA_AVX512

#if MONOCLE_CPU_X86

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi,bmi2,popcnt")
#define MONOCLE_ISA_PORTABLE 0
#define MONOCLE_ISA_AVX2 1
#define MONOCLE_ISA_AVX512 0
namespace monocle::cpu::avx2 {
#include "cpu/simd-inl.h"
#include MONOCLE_CPU_KERNEL
}  // namespace monocle::cpu::avx2
#undef MONOCLE_ISA_PORTABLE
#undef MONOCLE_ISA_AVX2
#undef MONOCLE_ISA_AVX512
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target( \
    "avx2,fma,f16c,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16")
#define MONOCLE_ISA_PORTABLE 0
#define MONOCLE_ISA_AVX2 0
#define MONOCLE_ISA_AVX512 1
namespace monocle::cpu::avx512 {
#include "cpu/simd-inl.h"
#include MONOCLE_CPU_KERNEL
}  // namespace monocle::cpu::avx512
#undef MONOCLE_ISA_PORTABLE
#undef MONOCLE_ISA_AVX2
#undef MONOCLE_ISA_AVX512
#pragma GCC pop_options

#endif  // MONOCLE_CPU_X86

#if MONOCLE_CPU_ARM

#pragma GCC push_options
#pragma GCC target("arch=armv8.2-a+dotprod+bf16")
#define MONOCLE_ISA_PORTABLE 0
#define MONOCLE_ISA_AVX2 0
#define MONOCLE_ISA_AVX512 0
#define MONOCLE_ISA_NEON 1
namespace monocle::cpu::neon {
#include "cpu/simd-inl.h"
#include MONOCLE_CPU_KERNEL
}  // namespace monocle::cpu::neon
#undef MONOCLE_ISA_PORTABLE
#undef MONOCLE_ISA_AVX2
#undef MONOCLE_ISA_AVX512
#undef MONOCLE_ISA_NEON
#pragma GCC pop_options

#endif  // MONOCLE_CPU_ARM

#undef MONOCLE_CPU_KERNEL
