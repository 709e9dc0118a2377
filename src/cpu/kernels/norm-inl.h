// SPDX-License-Identifier: Apache-2.0
// y = w x / sqrt(mean(x²) + eps), or (x - mean) in place of x and + b at the end. One row per call;
// moves 4 n bytes in (the row stays in L1 for the later passes) and 2 or 4 n out.

#include "cpu/kernels/elements-inl.h"

// Sums go to four vectors, so that neither the latency of one chain nor its rounding error grows
// with the row.

inline float sum_of_row(const float* x, std::int64_t n) {
  VF sum[4] = {vzero(), vzero(), vzero(), vzero()};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      sum[j] = sum[j] + vload(x + i + j * kLanes);
    }
  }
  each_vector(n - i,
              [&](std::int64_t c, int lanes) { sum[0] = sum[0] + vload_n(x + i + c, lanes); });
  return vsum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// Σ (x - mean)²
inline float square_sum_of_row(const float* x, std::int64_t n, float mean) {
  const VF center = vset(mean);
  VF sum[4] = {vzero(), vzero(), vzero(), vzero()};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const VF d = vload(x + i + j * kLanes) - center;
      sum[j] = vfma(d, d, sum[j]);
    }
  }
  for (; i < n; i += kLanes) {
    const int lanes = static_cast<int>(std::min<std::int64_t>(kLanes, n - i));
    alignas(64) float centered[kLanes] = {};
    vstore_n(centered, vload_n(x + i, lanes) - center, lanes);
    const VF d = vload(centered);
    sum[0] = vfma(d, d, sum[0]);
  }
  return vsum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

template <class Out>
inline void norm_row(const NormArgs& args, std::int64_t row) {
  const float* x = args.x.row<float>(row);
  Out* y = args.y.row<Out>(row);
  const std::int64_t n = args.x.cols;
  const bool layer = args.kind == NormKind::kLayer;
  const float mean = layer ? sum_of_row(x, n) / static_cast<float>(n) : 0.0F;
  const float factor =
      1.0F / std::sqrt(square_sum_of_row(x, n, mean) / static_cast<float>(n) + args.eps);
  const VF center = vset(mean);
  const VF scale = vset(factor);
  each_vector(n, [&](std::int64_t c, int lanes) {
    const VF bias = layer ? vload_n(args.bias + c, lanes) : vzero();
    const VF centered = (vload_n(x + c, lanes) - center) * scale;
    vput_n(y + c, vfma(centered, vload_n(args.weight + c, lanes), bias), lanes);
  });
}
