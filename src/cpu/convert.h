// SPDX-License-Identifier: Apache-2.0
// Rows converted between element types, per instruction set. Also the worked example of how a
// kernel is dispatched: body in kernels/convert-inl.h, regions and table in convert.cc, the caller
// keeps the struct it got at start.
#pragma once

#include <cstdint>

#include "cpu/isa.h"

namespace monocle::cpu {

struct ConvertKernels {
  void (*bf16_from_float)(const float* in, std::uint16_t* out,
                          std::int64_t count) = nullptr;  // nearest even
  void (*float_from_bf16)(const std::uint16_t* in, float* out, std::int64_t count) = nullptr;
  void (*exp)(const float* in, float* out, std::int64_t count) = nullptr;
};

ConvertKernels convert_kernels(Isa isa);

}  // namespace monocle::cpu
