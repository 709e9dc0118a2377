// SPDX-License-Identifier: Apache-2.0
#include "quant/int8_channel.h"

#include <algorithm>
#include <cmath>

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
  float amax = 0.0F;
  for (std::int64_t c = 0; c < cols; ++c) {
    amax = std::max(amax, std::fabs(source[c]));
  }
  const float inverse = amax > 0.0F ? 127.0F / amax : 0.0F;
  auto* out = static_cast<std::int8_t*>(data) + row * cols;
  std::int32_t sum = 0;
  for (std::int64_t c = 0; c < cols; ++c) {
    // The clamp matters only for subnormal rows, where 127 / amax overflows.
    const float scaled = std::clamp(std::nearbyint(source[c] * inverse), -127.0F, 127.0F);
    out[c] = static_cast<std::int8_t>(scaled);
    sum += out[c];
  }
  static_cast<float*>(aux)[row] = amax / 127.0F;
  static_cast<std::int32_t*>(static_cast<void*>(static_cast<float*>(aux) + rows))[row] = sum;
}

void unpack_row(const WeightView& weight, std::int64_t row, float* out) {
  const auto* in = static_cast<const std::int8_t*>(weight.data) + row * weight.cols;
  const float scale = int8_scales(weight)[row];
  for (std::int64_t c = 0; c < weight.cols; ++c) {
    out[c] = scale * static_cast<float>(in[c]);
  }
}

bool aux_valid(const WeightView& weight) {
  const float* scales = int8_scales(weight);
  const std::int32_t* sums = int8_row_sums(weight);
  const std::int64_t limit = 127 * weight.cols;
  bool valid = true;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    valid = valid && std::isfinite(scales[r]) && scales[r] >= 0.0F && sums[r] >= -limit && sums[r] <= limit;
  }
  return valid;
}

}  // namespace

// Half a step, and a little for the rounding of the products themselves.
const FormatInfo kInt8ChannelInfo{
    QuantFormat::kInt8Channel, "int8", data_bytes, aux_bytes, pack_row, unpack_row, [](float amax) {
      return amax / 127.0F * 0.5001F;
    },
    aux_valid};

}  // namespace monocle
