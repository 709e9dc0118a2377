// SPDX-License-Identifier: Apache-2.0
// int8 with one scale per output row: w[r][c] ≈ scale[r] * q[r][c], q in [-127, 127], scale[r] =
// max|w[r]| / 127.
//
//   data  int8  [rows, cols]
//   aux   float scale[rows], then int32 sum[rows] with sum[r] = Σ_c q[r][c]
//
// The sums let a kernel feed activations as unsigned bytes (u = s + 128), which x86's dot-product
// instruction needs, and take 128 * sum[r] off again. -128 is not used, so that negation and |q|
// never overflow.
#pragma once

#include "quant/format.h"

namespace monocle {

extern const FormatInfo kInt8ChannelInfo;

// Scales and sums that a file may hold.
bool int8_aux_valid(const WeightView& weight);

inline const float* int8_scales(const WeightView& weight) {
  return static_cast<const float*>(weight.aux);
}
inline const std::int32_t* int8_row_sums(const WeightView& weight) {
  return static_cast<const std::int32_t*>(
      static_cast<const void*>(int8_scales(weight) + weight.rows));
}

}  // namespace monocle
