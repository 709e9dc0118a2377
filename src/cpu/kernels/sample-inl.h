// SPDX-License-Identifier: Apache-2.0
// The two passes of a greedy draw with its log-probability: maximum, then Σ exp(logit - maximum).
// Reads the row twice, 4 bytes a logit. NaN counts as -inf, +inf as the largest float, as in
// ops/sampling.h.

// The largest logit, -inf when there is none.
inline float best_logit(const float* logits, std::int64_t count) {
  const VF never = vset(-std::numeric_limits<float>::infinity());
  VF best[4] = {never, never, never, never};
  std::int64_t i = 0;
  for (; i + 4 * kLanes <= count; i += 4 * kLanes) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      best[j] = vmax(vload(logits + i + j * kLanes), best[j]);  // the second operand wins over NaN
    }
  }
  float top = vmax_lanes(vmax(vmax(best[0], best[1]), vmax(best[2], best[3])));
  for (; i < count; ++i) {
    top = logits[i] > top ? logits[i] : top;
  }
  return std::min(top, std::numeric_limits<float>::max());
}

// Blocks are summed in float and added up in double: 151,936 terms in one float would lose four
// digits.
inline double exp_sum(const float* logits, std::int64_t count, float best) {
  constexpr std::int64_t kBlock = 4096;
  const VF top = vset(best);
  const VF largest = vset(std::numeric_limits<float>::max());
  const VF never = vset(-std::numeric_limits<float>::infinity());
  double total = 0.0;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const std::int64_t end = std::min(count, begin + kBlock);
    VF sum = vzero();
    for (std::int64_t i = begin; i < end; i += kLanes) {
      const int lanes = static_cast<int>(std::min<std::int64_t>(kLanes, end - i));
      alignas(64) float padded[kLanes];
      vstore(padded, never);
      vstore_n(padded, vload_n(logits + i, lanes), lanes);
      sum = sum + vexp(vmin(vmax(vload(padded), never), largest) - top);
    }
    total += static_cast<double>(vsum(sum));
  }
  return total;
}
