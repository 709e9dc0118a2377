// SPDX-License-Identifier: Apache-2.0
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
  const auto cols = static_cast<std::size_t>(x.cols);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const auto begin = static_cast<std::size_t>(i * x.cols);
    out.scale.push_back(quantise_row(std::span(source).subspan(begin, cols), &out.values[begin]));
  }
  return out;
}

}  // namespace

void linear_w8a8(const LinearArgs& args) {
  const auto unpack = format_info(args.w.format()).unpack_int8;
  MONOCLE_CHECK(unpack != nullptr);
  const std::int64_t k = args.x.cols;
  const QuantisedRows x = quantise_rows(args.x);
  std::vector<std::int8_t> w(static_cast<std::size_t>(k));
  linear_with(args, [&](int part, std::int64_t row, std::span<double> out) {
    const WeightView& weight = args.w.part[static_cast<std::size_t>(part)];
    unpack(weight, row, w.data());
    const auto scale_w = static_cast<double>(int8_scales(weight)[row]);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int8_t* q = x.values.data() + static_cast<std::int64_t>(i) * k;
      std::int64_t sum = 0;
      for (std::int64_t c = 0; c < k; ++c) {
        sum += q[c] * w[static_cast<std::size_t>(c)];
      }
      out[i] = static_cast<double>(x.scale[i]) * scale_w * static_cast<double>(sum);
    }
  });
}

}  // namespace monocle::reference
