// SPDX-License-Identifier: Apache-2.0
// Typed memory seen as float: every reference verb reads its inputs through these and rounds once
// on the way out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "base/check.h"
#include "base/dtype.h"
#include "tensor/view.h"

namespace monocle::reference {

inline float load(const void* data, DType dtype, std::int64_t index) {
  if (dtype == DType::kF32) {
    return static_cast<const float*>(data)[index];
  }
  MONOCLE_CHECK(dtype == DType::kBF16);
  return bf16_to_float(static_cast<const std::uint16_t*>(data)[index]);
}

inline void store(void* data, DType dtype, std::int64_t index, double value) {
  if (dtype == DType::kF32) {
    static_cast<float*>(data)[index] = static_cast<float>(value);
    return;
  }
  MONOCLE_CHECK(dtype == DType::kBF16);
  static_cast<std::uint16_t*>(data)[index] = float_to_bf16(static_cast<float>(value));
}

inline float load(const ConstTensorView& view, std::int64_t row, std::int64_t col) {
  return load(view.data, view.dtype, row * view.row_stride + col);
}

inline void store(const TensorView& view, std::int64_t row, std::int64_t col, double value) {
  store(view.data, view.dtype, row * view.row_stride + col, value);
}

// Symmetric int8 of one row: q = round_half_even(x * (127 / max|x|)), all in float, 0 when max|x| =
// 0. Returns the scale max|x| / 127.
inline float quantise_row(std::span<const float> x, std::int8_t* out) {
  float amax = 0.0F;
  for (const float value : x) {
    amax = std::max(amax, std::fabs(value));
  }
  const float inverse = amax > 0.0F ? 127.0F / amax : 0.0F;
  for (const float value : x) {
    // nearbyint rounds half to even. The clamp matters only for subnormal rows, where 127 / amax
    // overflows.
    *out++ = static_cast<std::int8_t>(std::clamp(std::nearbyint(value * inverse), -127.0F, 127.0F));
  }
  return amax / 127.0F;
}

// All rows of a view, packed: [rows, cols].
inline std::vector<float> as_floats(const ConstTensorView& view) {
  std::vector<float> out(static_cast<std::size_t>(view.elements()));
  for (std::int64_t r = 0; r < view.rows; ++r) {
    for (std::int64_t c = 0; c < view.cols; ++c) {
      out[static_cast<std::size_t>(r * view.cols + c)] = load(view, r, c);
    }
  }
  return out;
}

// Four partial sums let the processor overlap the additions; the order is fixed, so the result is
// too.
inline double dot(const float* a, const float* b, std::int64_t count) {
  double sum[4] = {0.0, 0.0, 0.0, 0.0};
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::int64_t lane = 0; lane < 4; ++lane) {
      sum[lane] += static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  for (; i < count; ++i) {
    sum[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Softmax of `scores` in place. The largest score is subtracted first, so nothing overflows.
inline void softmax(std::span<double> scores) {
  double best = scores[0];
  for (const double score : scores) {
    best = score > best ? score : best;
  }
  double sum = 0.0;
  for (double& score : scores) {
    score = std::exp(score - best);
    sum += score;
  }
  for (double& score : scores) {
    score /= sum;
  }
}

}  // namespace monocle::reference
