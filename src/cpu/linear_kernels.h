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
  kInt4,      // 4-bit groups, few rows of x quantised per row, exact integer sums
  kExpanded,  // 4-bit groups as the int8 rows they stand for, then as kInt8
  kUnpacked,  // rows of W unpacked to float, then as kF32
};

// A tile of int4_group.h: its first row, and the matrix it belongs to.
struct Int4Tile {
  std::int64_t first;
  std::int64_t rows;
  std::int64_t cols;
};

// For every kind but kExpanded.
LinearFunction dot_function(LinearKind kind, Isa isa);

// kBF16, kInt8 and kInt4 where the build has AVX-512: null otherwise.
LinearFunction panel_function(LinearKind kind);

// Only kBF16 and kInt8, and only where the build has AMX: null otherwise.
LinearFunction amx_function(LinearKind kind);

// kExpanded: all of W at once into the context's scratch, which costs 1.5 bytes of traffic a
// weight.
void linear_expanded(const LinearArgs& args, Context& context);

}  // namespace monocle::cpu
