// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"
#include "quant/fp8_channel.h"

namespace monocle::reference {
namespace {

// Every row of x as a weight of the format would come back, [m, k].
std::vector<float> rounded_rows(const ConstTensorView& x) {
  std::vector<float> rows = as_floats(x);
  std::vector<std::byte> codes(static_cast<std::size_t>(x.cols));
  float scale = 0.0F;
  const WeightView one{codes.data(), &scale, QuantFormat::kFp8Channel, 1, x.cols};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    float* row = rows.data() + i * x.cols;
    kFp8ChannelInfo.pack_row(row, 0, 1, x.cols, codes.data(), &scale);
    kFp8ChannelInfo.unpack_row(one, 0, row);
  }
  return rows;
}

}  // namespace

void linear_fp8(const LinearArgs& args) {
  MONOCLE_CHECK(args.w.format() == QuantFormat::kFp8Channel);
  const std::int64_t k = args.x.cols;
  const std::vector<float> x = rounded_rows(args.x);
  std::vector<float> w(static_cast<std::size_t>(k));
  linear_with(args, [&](int part, std::int64_t row, std::span<double> out) {
    kFp8ChannelInfo.unpack_row(args.w.part[static_cast<std::size_t>(part)], row, w.data());
    for (std::size_t i = 0; i < out.size(); ++i) {
      out[i] = dot(x.data() + static_cast<std::int64_t>(i) * k, w.data(), k);
    }
  });
}

}  // namespace monocle::reference
