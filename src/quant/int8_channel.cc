// SPDX-License-Identifier: Apache-2.0
#include "quant/int8_channel.h"

#include <algorithm>
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
  return static_cast<std::size_t>(rows) * (sizeof(float) + sizeof(std::int32_t));
}

void pack_row(const float* source, std::int64_t row, std::int64_t rows, std::int64_t cols,
              void* data, void* aux) {
  const float amax = largest_magnitude(source, cols);
  const bool finite = std::isfinite(amax);
  // Kept finite for subnormal rows, or a zero times it would be no number.
  const float inverse =
      finite && amax > 0.0F ? std::min(127.0F / amax, std::numeric_limits<float>::max()) : 0.0F;
  auto* out = static_cast<std::int8_t*>(data) + row * cols;
  std::int32_t sum = 0;
  if (finite) {
    for (std::int64_t c = 0; c < cols; ++c) {
      // The clamp matters only for subnormal rows, where 127 / amax loses all precision. Adding 1.5
      // * 2^23 leaves no bits for a fraction: rounding to nearest even without a library call, so
      // that the loop vectorises.
      constexpr float kNoFraction = 12582912.0F;
      const float scaled = std::min(std::max(source[c] * inverse, -127.0F), 127.0F);
      const auto rounded = static_cast<std::int32_t>(scaled + kNoFraction - kNoFraction);
      out[c] = static_cast<std::int8_t>(rounded);
      sum += rounded;
    }
  } else {
    std::memset(out, 0, static_cast<std::size_t>(cols));
  }
  // A row that holds a NaN or an infinity has no scale; aux_valid() refuses what is written here.
  static_cast<float*>(aux)[row] = finite ? amax / 127.0F : std::numeric_limits<float>::quiet_NaN();
  static_cast<std::int32_t*>(static_cast<void*>(static_cast<float*>(aux) + rows))[row] = sum;
}

void unpack_row(const WeightView& weight, std::int64_t row, float* out) {
  const auto* in = static_cast<const std::int8_t*>(weight.data) + row * weight.cols;
  const float scale = int8_scales(weight)[row];
  for (std::int64_t c = 0; c < weight.cols; ++c) {
    out[c] = scale * static_cast<float>(in[c]);
  }
}

void unpack_int8(const WeightView& weight, std::int64_t row, std::int8_t* out) {
  std::memcpy(out, static_cast<const std::int8_t*>(weight.data) + row * weight.cols,
              static_cast<std::size_t>(weight.cols));
}

}  // namespace

bool int8_aux_valid(const WeightView& weight) {
  const float* scales = int8_scales(weight);
  const std::int32_t* sums = int8_row_sums(weight);
  const std::int64_t limit = 127 * weight.cols;
  bool valid = true;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    valid = valid && std::isfinite(scales[r]) && scales[r] >= 0.0F && sums[r] >= -limit &&
            sums[r] <= limit;
  }
  return valid;
}

// Half a step, and a little for the rounding of the products themselves.
const FormatInfo kInt8ChannelInfo{QuantFormat::kInt8Channel,
                                  "int8",
                                  data_bytes,
                                  aux_bytes,
                                  pack_row,
                                  unpack_row,
                                  [](float amax) { return amax / 127.0F * 0.5001F; },
                                  int8_aux_valid,
                                  unpack_int8};

}  // namespace monocle
