// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/reference/elements.h"
#include "ops/reference/verbs.h"

namespace monocle::reference {

void norm(const NormArgs& args) {
  const std::int64_t n = args.x.cols;
  for (std::int64_t i = 0; i < args.x.rows; ++i) {
    double mean = 0.0;  // stays 0 for RMS, whose formula is the same without a mean and a bias
    if (args.kind == NormKind::kLayer) {
      for (std::int64_t c = 0; c < n; ++c) {
        mean += static_cast<double>(load(args.x, i, c));
      }
      mean /= static_cast<double>(n);
    }
    double variance = 0.0;
    for (std::int64_t c = 0; c < n; ++c) {
      const double d = static_cast<double>(load(args.x, i, c)) - mean;
      variance += d * d;
    }
    variance /= static_cast<double>(n);
    const double factor = 1.0 / std::sqrt(variance + static_cast<double>(args.eps));
    for (std::int64_t c = 0; c < n; ++c) {
      const double bias = args.kind == NormKind::kLayer ? static_cast<double>(args.bias[c]) : 0.0;
      const double d = static_cast<double>(load(args.x, i, c)) - mean;
      store(args.y, i, c, static_cast<double>(args.weight[c]) * d * factor + bias);
    }
  }
}

}  // namespace monocle::reference
