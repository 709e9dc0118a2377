// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"
#include "quant/int8_channel.h"

namespace monocle::reference {
namespace {

struct QuantisedRows {
  std::vector<std::int8_t> values;  // [m, k]
  std::vector<float> scale;         // [m]
};

QuantisedRows quantise_rows(const ConstTensorView& x) {
  const std::vector<float> source = as_floats(x);
  QuantisedRows out{std::vector<std::int8_t>(source.size()), {}};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const auto begin = static_cast<std::size_t>(i * x.cols);
    const auto end = begin + static_cast<std::size_t>(x.cols);
    float amax = 0.0F;
    for (std::size_t c = begin; c < end; ++c) {
      amax = std::max(amax, std::fabs(source[c]));
    }
    const float inverse = amax > 0.0F ? 127.0F / amax : 0.0F;
    for (std::size_t c = begin; c < end; ++c) {
      // nearbyint rounds half to even. The clamp matters only for subnormal rows, where 127 / amax
      // overflows.
      const float q = std::clamp(std::nearbyint(source[c] * inverse), -127.0F, 127.0F);
      out.values[c] = static_cast<std::int8_t>(q);
    }
    out.scale.push_back(amax / 127.0F);
  }
  return out;
}

}  // namespace

void linear_w8a8(const LinearArgs& args) {
  MONOCLE_CHECK(args.w.format() == QuantFormat::kInt8Channel);
  const std::int64_t k = args.x.cols;
  const QuantisedRows x = quantise_rows(args.x);
  linear_with(args, [&](int part, std::int64_t row, std::span<double> out) {
    const WeightView& weight = args.w.part[static_cast<std::size_t>(part)];
    const auto* w = static_cast<const std::int8_t*>(weight.data) + row * k;
    const auto scale_w = static_cast<double>(int8_scales(weight)[row]);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int8_t* q = x.values.data() + static_cast<std::int64_t>(i) * k;
      std::int64_t sum = 0;
      for (std::int64_t c = 0; c < k; ++c) {
        sum += q[c] * w[c];
      }
      out[i] = static_cast<double>(x.scale[i]) * scale_w * static_cast<double>(sum);
    }
  });
}

}  // namespace monocle::reference
