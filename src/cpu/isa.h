// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels of this process use. A tier is a bundle that real machines have
// whole: avx2 needs FMA and F16C, avx512 needs BW, DQ, VL, VNNI and BF16 (Zen 4, Sapphire Rapids),
// amx adds the bf16 and int8 tiles. Chosen once at start: the best supported tier, or the one
// forced by MONOCLE_CPU_ISA.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace monocle::cpu {

// In ascending order: a machine that has one tier has all before it.
enum class Isa : std::uint8_t { kPortable, kAvx2, kAvx512, kAmx };

inline constexpr int kIsaCount = 4;

const char* isa_name(Isa isa);  // "portable", "avx2", "avx512", "amx"

// True when the processor, the operating system and this build have the tier. Asks the kernel for
// permission to use the AMX tile state, which it grants to the whole process.
bool isa_supported(Isa isa);
Isa best_isa();

// `forced` is the value of MONOCLE_CPU_ISA or of a flag; empty means best_isa(). Fails with
// kInvalidArgument on an unknown name and with kUnsupported on a tier that this machine lacks.
Result<Isa> choose_isa(std::string_view forced);

// MONOCLE_CPU_ISA, or "" when it is not set.
std::string_view isa_from_environment();

// AMX holds matrices only: kernels without a tile version run their avx512 body on an amx machine.
constexpr Isa vector_isa(Isa isa) { return isa == Isa::kAmx ? Isa::kAvx512 : isa; }

}  // namespace monocle::cpu

// Regions are compiled where the compiler has both `#pragma GCC target` and its intrinsics;
// elsewhere only portable. -DMONOCLE_CPU_X86=0 gives the portable build on x86 too, which is how it
// is tested.
#ifndef MONOCLE_CPU_X86
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MONOCLE_CPU_X86 1
#else
#define MONOCLE_CPU_X86 0
#endif
#endif
