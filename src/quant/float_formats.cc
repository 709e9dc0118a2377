// SPDX-License-Identifier: Apache-2.0
#include "quant/float_formats.h"

#include <cstring>

#include "base/dtype.h"

namespace monocle {
namespace {

std::size_t elements(std::int64_t rows, std::int64_t cols) {
  return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols);
}
std::size_t bytes_f32(std::int64_t rows, std::int64_t cols) { return elements(rows, cols) * 4; }
std::size_t bytes_16(std::int64_t rows, std::int64_t cols) { return elements(rows, cols) * 2; }
std::size_t no_aux(std::int64_t, std::int64_t) { return 0; }

void pack_f32(const float* source, std::int64_t row, std::int64_t, std::int64_t cols, void* data,
              void*) {
  std::memcpy(static_cast<float*>(data) + row * cols, source,
              static_cast<std::size_t>(cols) * sizeof(float));
}
void unpack_f32(const WeightView& weight, std::int64_t row, float* out) {
  std::memcpy(out, static_cast<const float*>(weight.data) + row * weight.cols,
              static_cast<std::size_t>(weight.cols) * sizeof(float));
}

template <std::uint16_t (*Narrow)(float)>
void pack_16(const float* source, std::int64_t row, std::int64_t, std::int64_t cols, void* data,
             void*) {
  auto* out = static_cast<std::uint16_t*>(data) + row * cols;
  for (std::int64_t c = 0; c < cols; ++c) {
    out[c] = Narrow(source[c]);
  }
}
template <float (*Widen)(std::uint16_t)>
void unpack_16(const WeightView& weight, std::int64_t row, float* out) {
  const auto* in = static_cast<const std::uint16_t*>(weight.data) + row * weight.cols;
  for (std::int64_t c = 0; c < weight.cols; ++c) {
    out[c] = Widen(in[c]);
  }
}

}  // namespace

// Half a unit in the last place of the largest magnitude bounds every element of the row.
const FormatInfo kF32Info{QuantFormat::kF32,         "f32", bytes_f32, no_aux, pack_f32, unpack_f32,
                          [](float) { return 0.0F; }};
const FormatInfo kF16Info{QuantFormat::kF16,
                          "f16",
                          bytes_16,
                          no_aux,
                          pack_16<float_to_f16>,
                          unpack_16<f16_to_float>,
                          [](float amax) { return amax * 0x1p-11F + 0x1p-25F; }};
const FormatInfo kBF16Info{QuantFormat::kBF16,
                           "bf16",
                           bytes_16,
                           no_aux,
                           pack_16<float_to_bf16>,
                           unpack_16<bf16_to_float>,
                           [](float amax) { return amax * 0x1p-8F; }};

}  // namespace monocle
