// SPDX-License-Identifier: Apache-2.0
// What a SampleRow means, for every backend whose logits are in host memory. Each pass is linear in
// the vocabulary: 151,936 logits are never sorted.
//
// Definitions that SampleRow's comments leave open:
// - A token's weight is the integer of ops/sampling_mass.h: what is drawn depends on no order of
// summation, so every backend draws the same. Weights below 2^-40 of the best are 0.
// - All truncations keep a prefix of the order "nearer to the best first, then lower id", where
// what differs by less than 2^-24 octaves is equally near.
// - top_p is measured on what top_k left, renormalised; min_p compares with the most likely token.
// - The draw walks the kept tokens by rising id and takes the first whose cumulated mass exceeds u
// * total, rounded down.
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
#include "ops/sampling_mass.h"

namespace monocle {

// Uniform in [0, 2^53), a pure function of its arguments (Philox 4x32-10 keyed by the seed); and as
// a number in [0, 1).
std::uint64_t uniform_bits(std::uint64_t seed, std::uint64_t step);
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

// The last of the smallest prefix of the sorted `ranks` whose mass reaches `fraction` / 2^53 of
// their total. Reorders `ranks`, which must not be empty.
std::uint64_t mass_cutoff(std::span<std::uint64_t> ranks, std::uint64_t fraction);

// One row at a time. Keeps its scratch memory, so that a warm sampler does not allocate. One
// thread.
class Sampler {
 public:
  SampledToken sample(std::span<const float> logits, const SampleRow& row);

 private:
  std::uint64_t cutoff(const SampleRow& row, float best, float scale);
  std::int32_t draw(const SampleRow& row, float best);

  struct Share {
    std::int32_t id;
    std::uint64_t mass_through;  // cumulated
  };
  std::vector<float> logits_;  // adjusted
  std::vector<Candidate> candidates_;
  std::vector<std::uint64_t> ranks_;
  std::vector<Share> kept_;
};

}  // namespace monocle
