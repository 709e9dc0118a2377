// SPDX-License-Identifier: Apache-2.0
// Everything that a kernel body may use from outside. Included before the first target region, so
// that no library function is compiled for an instruction set that the machine may lack. Also the
// dispatch helper.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "base/dtype.h"
#include "cpu/isa.h"

#if MONOCLE_CPU_X86
#include <immintrin.h>
// The one instruction of AVX-VNNI, as inline assembly writes it.
#if MONOCLE_CPU_VNNI_EVEX
#define MONOCLE_VPDPBUSD "vpdpbusd"
#else
#define MONOCLE_VPDPBUSD "%{vex%} vpdpbusd"
#endif
#elif MONOCLE_CPU_ARM
#include <arm_neon.h>
#endif

// MONOCLE_CPU_PICK(isa, convert_row): the function compiled for `isa`, as an expression.
#if MONOCLE_CPU_X86
#define MONOCLE_CPU_PICK(isa, function)                                 \
  (::monocle::cpu::vector_isa(isa) == ::monocle::cpu::Isa::kAvx512      \
       ? &::monocle::cpu::avx512::function                              \
       : (::monocle::cpu::vector_isa(isa) == ::monocle::cpu::Isa::kAvx2 \
              ? &::monocle::cpu::avx2::function                         \
              : &::monocle::cpu::portable::function))
#elif MONOCLE_CPU_ARM
#define MONOCLE_CPU_PICK(isa, function)                                  \
  ((isa) == ::monocle::cpu::Isa::kNeon ? &::monocle::cpu::neon::function \
                                       : &::monocle::cpu::portable::function)
#else
// A conditional like the other one, so that templates resolve and `isa` counts as used in the same
// way.
#define MONOCLE_CPU_PICK(isa, function)                                          \
  ((isa) == ::monocle::cpu::Isa::kPortable ? &::monocle::cpu::portable::function \
                                           : &::monocle::cpu::portable::function)
#endif
