// SPDX-License-Identifier: Apache-2.0
#include "quant/fp8_channel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "quant/largest.h"

namespace monocle {
namespace {

std::size_t data_bytes(std::int64_t rows, std::int64_t cols) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
}
std::size_t aux_bytes(std::int64_t rows, std::int64_t) {
  return static_cast<std::size_t>(rows) * sizeof(float);
}

// base/dtype.h has the readable twins of these two; in this form loops over them vectorise.
std::uint8_t narrow(float value) {                     // |value| <= 448
  constexpr std::uint32_t kLeastNormal = 0x3c800000U;  // 2^-6
  constexpr float kStepIsLeast = 16384.0F;             // floats there are 2^-9 apart
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t size = bits & 0x7fffffffU;
  const std::uint32_t rounded = (size + 0x7ffffU + ((size >> 20) & 1U)) >> 20;
  const std::uint32_t normal = rounded - (120U << 3);
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + kStepIsLeast) -
      std::bit_cast<std::uint32_t>(kStepIsLeast);
  return static_cast<std::uint8_t>((size < kLeastNormal ? subnormal : normal) |
                                   ((bits >> 24) & 0x80U));
}
float widen(std::uint8_t code) {
  const std::uint32_t size = code & 0x7fU;
  const auto normal = std::bit_cast<float>((size << 20) + (120U << 23));
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(size)) * 0x1p-9F;
  const float some = size < 8 ? subnormal : normal;
  const float magnitude = size == 0x7fU ? std::numeric_limits<float>::quiet_NaN() : some;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | (code & 0x80U) << 24);
}

void pack_row(const float* source, std::int64_t row, std::int64_t, std::int64_t cols, void* data,
              void* aux) {
  const float amax = largest_magnitude(source, cols);
  const bool finite = std::isfinite(amax);
  // Kept finite for subnormal rows, or a zero times it would be no number.
  const float inverse =
      finite && amax > 0.0F ? std::min(kFp8Most / amax, std::numeric_limits<float>::max()) : 0.0F;
  auto* out = static_cast<std::uint8_t*>(data) + row * cols;
  if (finite) {
    for (std::int64_t c = 0; c < cols; ++c) {
      // The clamp matters only for subnormal rows, where 448 / amax loses all precision.
      out[c] = narrow(std::min(std::max(source[c] * inverse, -kFp8Most), kFp8Most));
    }
  } else {
    std::memset(out, 0, static_cast<std::size_t>(cols));
  }
  // A row that holds a NaN or an infinity has no scale; aux_valid() refuses what is written here.
  static_cast<float*>(aux)[row] =
      finite ? amax / kFp8Most : std::numeric_limits<float>::quiet_NaN();
}

void unpack_row(const WeightView& weight, std::int64_t row, float* out) {
  const auto* in = static_cast<const std::uint8_t*>(weight.data) + row * weight.cols;
  const float scale = fp8_scales(weight)[row];
  for (std::int64_t c = 0; c < weight.cols; ++c) {
    out[c] = scale * widen(in[c]);
  }
}

bool aux_valid(const WeightView& weight) {
  const float* scales = fp8_scales(weight);
  return std::all_of(scales, scales + weight.rows,
                     [](float scale) { return std::isfinite(scale) && scale >= 0.0F; });
}

}  // namespace

// Half of the step among the largest numbers, 32 of 448, and a little for the rounding of products.
const FormatInfo kFp8ChannelInfo{QuantFormat::kFp8Channel,
                                 "fp8",
                                 data_bytes,
                                 aux_bytes,
                                 pack_row,
                                 unpack_row,
                                 [](float amax) { return amax / kFp8Most * 16.001F; },
                                 aux_valid};

}  // namespace monocle
