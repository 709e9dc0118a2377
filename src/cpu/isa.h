// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels of this process use. A tier is a bundle that real machines have
// whole: avx2 needs FMA and F16C, avx2vnni adds AVX-VNNI (Alder Lake, Zen 5), avx512 needs BW, DQ,
// VL, VNNI and BF16 (Zen 4, Sapphire Rapids), amx adds the bf16 and int8 tiles; neon is 64-bit Arm
// with the dot products of int8 and bf16 (Armv8.6: Neoverse V1 and N2, Apple M2). Chosen once at
// start: the best supported tier, or the one forced by MONOCLE_CPU_ISA.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace monocle::cpu {

// Of two that a machine has, the later is the better. It may lack an earlier one: Zen 4 has avx512
// and no avx2vnni.
enum class Isa : std::uint8_t { kPortable, kAvx2, kAvx2Vnni, kAvx512, kAmx, kNeon };

inline constexpr int kIsaCount = 6;

const char* isa_name(Isa isa);  // "portable", "avx2", "avx2vnni", "avx512", "amx", "neon"

// Whether this build has the tier's kernels: the tiers of one architecture.
bool isa_built(Isa isa);

// True when the processor, the operating system and this build have the tier. Asks the kernel for
// permission to use the AMX tile state, which it grants to the whole process.
bool isa_supported(Isa isa);
Isa best_isa();

// `forced` is the value of MONOCLE_CPU_ISA or of a flag; empty means best_isa(). Fails with
// kInvalidArgument on an unknown name and with kUnsupported on a tier that this machine lacks.
Result<Isa> choose_isa(std::string_view forced);

// MONOCLE_CPU_ISA, or "" when it is not set.
std::string_view isa_from_environment();

// AMX holds matrices only, and AVX-VNNI one product: kernels without a version for them run the
// body of the tier below.
constexpr Isa vector_isa(Isa isa) {
  return isa == Isa::kAmx ? Isa::kAvx512 : isa == Isa::kAvx2Vnni ? Isa::kAvx2 : isa;
}

// Whether there is a product of bf16 factors. Elsewhere both are widened first.
constexpr bool bf16_products(Isa isa) {
  return vector_isa(isa) == Isa::kAvx512 || isa == Isa::kNeon;
}

}  // namespace monocle::cpu

// Regions are compiled where the compiler has both `#pragma GCC target` and its intrinsics;
// elsewhere only portable. -DMONOCLE_CPU_X86=0 (or ARM=0) gives the portable build there too, which
// is how it is tested.
#ifndef MONOCLE_CPU_X86
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MONOCLE_CPU_X86 1
#else
#define MONOCLE_CPU_X86 0
#endif
#endif
#ifndef MONOCLE_CPU_ARM
#if defined(__aarch64__) && defined(__AARCH64EL__) && defined(__GNUC__) && !defined(__clang__)
#define MONOCLE_CPU_ARM 1
#else
#define MONOCLE_CPU_ARM 0
#endif
#endif

// 1 in a test program only: avx2vnni with the encoding that AVX-512 machines have of its one
// instruction, so that all else of the tier runs on them.
#ifndef MONOCLE_CPU_VNNI_EVEX
#define MONOCLE_CPU_VNNI_EVEX 0
#endif
