// SPDX-License-Identifier: Apache-2.0
#include "media/resize_taps.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "base/check.h"

namespace monocle::media {
namespace {

constexpr int kMaxBits = 22;  // 8 bits of pixel + 22 + head room for negative lobes fit 32

// Cubic convolution with a = -0.5.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::fabs(x);
  if (x < 1.0) {
    return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1.0;
  }
  if (x < 2.0) {
    return (((x - 5.0) * x + 8.0) * x - 4.0) * kA;
  }
  return 0.0;
}

// Torch keeps weights in int16: as many bits as the largest weight allows.
int torch_bits(double largest) {
  int bits = 0;
  while (bits < kMaxBits && static_cast<int>(0.5 + largest * (1 << (bits + 1))) < (1 << 15)) {
    ++bits;
  }
  return bits;
}

}  // namespace

AxisTaps make_taps(int in, int out, ResizeForm form) {
  MONOCLE_CHECK(in >= 1 && out >= 1);
  const double scale = static_cast<double>(in) / out;
  const double filter_scale = std::max(scale, 1.0);
  const double support = 2.0 * filter_scale;
  AxisTaps taps;
  taps.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  const auto outputs = static_cast<std::size_t>(out);
  const auto stride = static_cast<std::size_t>(taps.stride);
  taps.first.resize(outputs);
  taps.count.resize(outputs);
  std::vector<double> exact(outputs * stride, 0.0);
  double largest = 0.0;
  for (std::size_t i = 0; i < outputs; ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), in);
    MONOCLE_CHECK(last > first && last - first <= taps.stride);
    taps.first[i] = first;
    taps.count[i] = last - first;
    const std::span<double> weights(exact.data() + i * stride,
                                    static_cast<std::size_t>(last - first));
    double sum = 0.0;
    for (std::size_t j = 0; j < weights.size(); ++j) {
      weights[j] = cubic((static_cast<double>(j) + first - center + 0.5) * (1.0 / filter_scale));
      sum += weights[j];
    }
    for (double& weight : weights) {
      weight /= sum;
      largest = std::max(largest, weight);
    }
  }
  taps.bits = form == ResizeForm::kTorchvision ? torch_bits(largest) : kMaxBits;
  taps.weights.resize(exact.size());
  const double unit = static_cast<double>(1 << taps.bits);
  std::transform(exact.begin(), exact.end(), taps.weights.begin(), [unit](double weight) {
    return static_cast<std::int32_t>(weight * unit + (weight < 0.0 ? -0.5 : 0.5));
  });
  return taps;
}

}  // namespace monocle::media
