// SPDX-License-Identifier: Apache-2.0
// What a SampleRow means, for every backend whose logits are in host memory. Each pass is linear in
// the vocabulary: 151,936 logits are never sorted.
//
// Definitions that SampleRow's comments leave open:
// - All truncations keep a prefix of the order "higher logit first, then lower id".
// - top_p is measured on what top_k left, renormalised; min_p compares with the most likely token.
// - The draw walks the kept tokens by rising id and takes the first whose cumulated mass exceeds u
// * total.
// - Logprobs are of the softmax over the allowed tokens of [0, vocab).
// - NaN counts as -inf, +inf as the largest float. Ids outside [0, vocab) in `seen` and `bias` have
// no effect.
// - When no token is allowed, id is -1 and logprob is -inf.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "ops/args.h"

namespace monocle {

// Uniform in [0, 1), a pure function of its arguments (Philox 4x32-10 keyed by the seed).
double uniform(std::uint64_t seed, std::uint64_t step);
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

struct Candidate {
  float logit = 0.0F;
  std::int32_t id = 0;
};
inline bool better(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// Applies penalties, bias and mask in place. Afterwards every logit is a finite number or -inf.
void adjust_logits(std::span<float> logits, const SampleRow& row);

// The first maximum; id -1 when every logit is -inf.
Candidate argmax(std::span<const float> logits);

// log(sum(exp(logits))), given the maximum.
double log_sum_exp(std::span<const float> logits, float best);

// The `count` best candidates above -inf, best first.
void collect_top(std::span<const float> logits, std::int32_t count, std::vector<Candidate>& out);

// The last candidate of the smallest prefix of sorted `candidates` whose mass, with weights
// exp((logit - best) / temperature), reaches `share` of their total. Reorders `candidates`, which
// must not be empty.
Candidate mass_cutoff(std::span<Candidate> candidates, double share, float best, float temperature);

// One row at a time. Keeps its scratch memory, so that a warm sampler does not allocate. One
// thread.
class Sampler {
 public:
  SampledToken sample(std::span<const float> logits, const SampleRow& row);

 private:
  Candidate cutoff(const SampleRow& row, float best);
  std::int32_t draw(const SampleRow& row, float best);

  struct Share {
    std::int32_t id;
    double mass_through;  // cumulated
  };
  std::vector<float> logits_;  // adjusted
  std::vector<Candidate> candidates_;
  std::vector<Share> kept_;
};

}  // namespace monocle
