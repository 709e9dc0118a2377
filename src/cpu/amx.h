// SPDX-License-Identifier: Apache-2.0
// What every user of AMX tiles needs before its target region: the one tile configuration of this
// room. All eight tiles are 16 rows of 64 bytes, so a worker configures once per verb and short
// edges are padded with zeros.
#pragma once

#include "cpu/isa.h"

#if MONOCLE_CPU_X86
#include <immintrin.h>

#include <cstdint>

// The region itself. A pragma takes neither a macro nor joined literals as its string: a long line.
// clang-format off
#define MONOCLE_AMX_REGION_BEGIN \
  _Pragma("GCC push_options") \
  _Pragma("GCC target(\"avx2,fma,f16c,bmi,bmi2,popcnt,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,amx-tile,amx-int8,amx-bf16\")")
// clang-format on
#define MONOCLE_AMX_REGION_END _Pragma("GCC pop_options")

namespace monocle::cpu {

struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);

// In static memory: GCC believes that _tile_loadconfig reads eight bytes and drops stores to the
// rest of a local.
inline constexpr TileConfig kTileConfig;

}  // namespace monocle::cpu
#endif
