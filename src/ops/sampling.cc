// SPDX-License-Identifier: Apache-2.0
#include "ops/sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace monocle {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

float weight_of(float logit, float best, float temperature) {
  return std::exp((logit - best) / temperature);
}

float finite_or_never(float logit) {
  return std::isnan(logit) ? kNever : std::min(logit, std::numeric_limits<float>::max());
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9U;
    key[1] += 0xBB67AE85U;
  }
  return counter;
}

double uniform(std::uint64_t seed, std::uint64_t step) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto bits = philox({low(step), high(step), 0, 0}, {low(seed), high(seed)});
  const std::uint64_t wide = (std::uint64_t{bits[0]} << 32) | bits[1];
  return static_cast<double>(wide >> 11) * 0x1p-53;
}

void adjust_logits(std::span<float> logits, const SampleRow& row) {
  const auto inside = [&](std::int32_t id) {
    return id >= 0 && static_cast<std::size_t>(id) < logits.size();
  };
  for (const TokenCount& token : row.seen) {
    if (!inside(token.id)) {
      continue;
    }
    float& logit = logits[static_cast<std::size_t>(token.id)];
    logit = logit > 0.0F ? logit / row.repetition_penalty : logit * row.repetition_penalty;
    if (token.generated > 0) {
      logit -= row.presence_penalty + row.frequency_penalty * static_cast<float>(token.generated);
    }
  }
  for (const LogitBias& bias : row.bias) {
    if (inside(bias.id)) {
      logits[static_cast<std::size_t>(bias.id)] += bias.value;
    }
  }
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const bool allowed = row.allowed == nullptr || ((row.allowed[id / 32] >> (id % 32)) & 1U) != 0;
    logits[id] = allowed ? finite_or_never(logits[id]) : kNever;
  }
}

Candidate argmax(std::span<const float> logits) {
  Candidate best{kNever, -1};
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > best.logit) {
      best = {logits[id], static_cast<std::int32_t>(id)};
    }
  }
  return best;
}

double log_sum_exp(std::span<const float> logits, float best) {
  double sum = 0.0;
  for (const float logit : logits) {
    sum += static_cast<double>(std::exp(logit - best));
  }
  return static_cast<double>(best) + std::log(sum);
}

void collect_top(std::span<const float> logits, std::int32_t count, std::vector<Candidate>& out) {
  out.clear();
  const auto keep = std::min(static_cast<std::size_t>(count), logits.size());
  if (keep == 0) {
    return;
  }
  // What is not above the count-th best of an earlier stretch cannot be among the best. Ids rise,
  // so an equal logit that comes later loses. The buffer of twice the count makes the selections
  // amortise to linear time.
  const auto middle = [&] { return out.begin() + static_cast<std::ptrdiff_t>(keep) - 1; };
  float bar = kNever;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > bar) {
      out.push_back({logits[id], static_cast<std::int32_t>(id)});
      if (out.size() >= 2 * keep) {
        std::nth_element(out.begin(), middle(), out.end(), better);
        out.resize(keep);
        bar = out.back().logit;
      }
    }
  }
  if (out.size() > keep) {
    std::nth_element(out.begin(), middle(), out.end(), better);
    out.resize(keep);
  }
  std::sort(out.begin(), out.end(), better);
}

Candidate mass_cutoff(std::span<Candidate> candidates, double share, float best,
                      float temperature) {
  MONOCLE_CHECK(!candidates.empty());
  const auto mass = [&](std::size_t begin, std::size_t end) {
    double sum = 0.0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += static_cast<double>(weight_of(candidates[i].logit, best, temperature));
    }
    return sum;
  };
  const auto at = [&](std::size_t i) {
    return candidates.begin() + static_cast<std::ptrdiff_t>(i);
  };
  const double wanted = share * mass(0, candidates.size());
  // Invariant: everything before `low` is kept and weighs `above` < wanted; nothing from `high` on
  // is kept.
  std::size_t low = 0;
  std::size_t high = candidates.size();
  double above = 0.0;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    std::nth_element(at(low), at(middle), at(high), better);
    const double upper = mass(low, middle);
    if (above + upper >= wanted) {
      high = middle;
    } else {
      above += upper;
      low = middle;
    }
  }
  return candidates[low];
}

Candidate Sampler::cutoff(const SampleRow& row, float best) {
  const bool by_count = row.top_k > 0 && static_cast<std::size_t>(row.top_k) < logits_.size();
  const bool by_mass = row.top_p < 1.0F;
  if (!by_count && !by_mass) {
    return {kNever, std::numeric_limits<std::int32_t>::max()};
  }
  if (by_count) {
    collect_top(logits_, row.top_k, candidates_);
  } else {
    candidates_.clear();
    for (std::size_t id = 0; id < logits_.size(); ++id) {
      if (logits_[id] > kNever) {
        candidates_.push_back({logits_[id], static_cast<std::int32_t>(id)});
      }
    }
  }
  if (!by_mass) {
    return candidates_.back();
  }
  return mass_cutoff(candidates_, static_cast<double>(row.top_p), best, row.temperature);
}

std::int32_t Sampler::draw(const SampleRow& row, float best) {
  const Candidate last = cutoff(row, best);
  double total = 0.0;
  kept_.clear();
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    const Candidate token{logits_[i], static_cast<std::int32_t>(i)};
    if (better(last, token)) {
      continue;
    }
    const float weight = weight_of(token.logit, best, row.temperature);
    if (weight > 0.0F && weight >= row.min_p) {
      total += static_cast<double>(weight);
      kept_.push_back({token.id, total});
    }
  }
  const double point = uniform(row.seed, row.step) * total;
  const auto hit =
      std::upper_bound(kept_.begin(), kept_.end(), point,
                       [](double value, const Share& share) { return value < share.mass_through; });
  return hit != kept_.end() ? hit->id
                            : kept_.back().id;  // u < 1, but u * total may round up to total
}

SampledToken Sampler::sample(std::span<const float> logits, const SampleRow& row) {
  logits_.assign(logits.begin(), logits.end());
  adjust_logits(logits_, row);
  SampledToken out;
  const Candidate best = argmax(logits_);
  if (best.id < 0) {
    out.id = -1;
    out.logprob = kNever;
    return out;
  }
  out.id = row.temperature > 0.0F ? draw(row, best.logit) : best.id;
  const double norm = log_sum_exp(logits_, best.logit);
  const auto logprob = [&](std::int32_t id) {
    return static_cast<float>(static_cast<double>(logits_[static_cast<std::size_t>(id)]) - norm);
  };
  out.logprob = logprob(out.id);
  if (row.top_logprobs > 0) {
    collect_top(logits_, std::min(row.top_logprobs, kMaxTopLogprobs), candidates_);
    out.top_count = static_cast<std::int32_t>(candidates_.size());
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      out.top[i] = {candidates_[i].id, logprob(candidates_[i].id)};
    }
  }
  return out;
}

}  // namespace monocle
