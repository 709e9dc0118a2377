// SPDX-License-Identifier: Apache-2.0
// FP8 (e4m3: sign, 4 bits of exponent, 3 of mantissa) with one scale per output row: w[r][c] ≈
// scale[r] * e4m3(q[r][c]), scale[r] = max|w[r]| / 448, so that the row's largest weight is the
// format's largest number.
//
//   data  e4m3  [rows, cols], a byte each: OCP's E4M3FN, no infinities, 0x7f and 0xff no numbers
//   aux   float scale[rows]
//
// Rounded to nearest even. A weight keeps 4 bits wherever it lies, down to 2^-15 of the row's
// largest, and a fixed step of 2^-18 of it below: better than int8 for rows with few large weights,
// worse for all others.
#pragma once

#include "quant/format.h"

namespace monocle {

extern const FormatInfo kFp8ChannelInfo;

inline constexpr float kFp8Most = 448.0F;

inline const float* fp8_scales(const WeightView& weight) {
  return static_cast<const float*>(weight.aux);
}

}  // namespace monocle
