// SPDX-License-Identifier: Apache-2.0
// The compiled kernels behind linear_table.cc. Private to the room.
#pragma once

#include <cstdint>

#include "cpu/isa.h"
#include "cpu/linear.h"

namespace monocle::cpu {

enum class LinearKind : std::uint8_t {
  kF32,       // float factors
  kWidened,   // bf16 weights, float x, float products
  kBF16,      // both factors bf16, float sums
  kInt8,      // int8 weights, x quantised per row, exact integer sums
  kUnpacked,  // rows of W unpacked to float, then as kF32
};

LinearFunction dot_function(LinearKind kind, Isa isa);

// Only kBF16 and kInt8, and only where the build has AMX: null otherwise.
LinearFunction amx_function(LinearKind kind);

}  // namespace monocle::cpu
