// SPDX-License-Identifier: Apache-2.0
#include "ops/sampling.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/check.h"

namespace monocle {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

std::uint64_t mass_at(std::uint64_t rank) {
  return mass_of(static_cast<std::uint32_t>(rank >> 32));
}

float finite_or_never(float logit) {
  return std::isnan(logit) ? kNever : std::min(logit, std::numeric_limits<float>::max());
}

// The first `keep` of what is added, in `out`. What is not before the last of those of an earlier
// stretch cannot be among them; room for twice as many makes the selections amortise to linear
// time.
template <class T, class Before>
class Shortlist {
 public:
  Shortlist(std::size_t keep, std::vector<T>& out, Before before)
      : keep_(keep), out_(out), before_(before) {
    out_.clear();
  }
  void add(const T& value) {
    if (full_ && !before_(value, bar_)) {
      return;
    }
    out_.push_back(value);
    if (out_.size() >= 2 * keep_) {
      cut();
      full_ = true;
      bar_ = out_.back();
    }
  }
  // The last one stands at the end.
  void cut() {
    if (out_.size() > keep_) {
      std::nth_element(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(keep_) - 1,
                       out_.end(), before_);
      out_.resize(keep_);
    }
  }

 private:
  std::size_t keep_;
  std::vector<T>& out_;
  Before before_;
  bool full_ = false;
  T bar_{};
};

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

std::uint64_t uniform_bits(std::uint64_t seed, std::uint64_t step) {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
  const auto bits = philox({low(step), high(step), 0, 0}, {low(seed), high(seed)});
  return ((std::uint64_t{bits[0]} << 32) | bits[1]) >> 11;
}

double uniform(std::uint64_t seed, std::uint64_t step) {
  return static_cast<double>(uniform_bits(seed, step)) * 0x1p-53;
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
  Shortlist list(keep, out, better);
  for (std::size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] > kNever) {
      list.add({logits[id], static_cast<std::int32_t>(id)});
    }
  }
  list.cut();
  std::sort(out.begin(), out.end(), better);
}

std::uint64_t mass_cutoff(std::span<std::uint64_t> ranks, std::uint64_t fraction) {
  MONOCLE_CHECK(!ranks.empty());
  const auto mass = [&](std::size_t begin, std::size_t end) {
    std::uint64_t sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      sum += mass_at(ranks[i]);
    }
    return sum;
  };
  const auto at = [&](std::size_t i) { return ranks.begin() + static_cast<std::ptrdiff_t>(i); };
  const std::uint64_t wanted = share(fraction, mass(0, ranks.size()));
  // Invariant: everything before `low` is kept and weighs `above` < wanted; nothing from `high` on
  // is kept.
  std::size_t low = 0;
  std::size_t high = ranks.size();
  std::uint64_t above = 0;
  while (high - low > 1) {
    const std::size_t middle = low + (high - low) / 2;
    std::nth_element(at(low), at(middle), at(high));
    const std::uint64_t upper = mass(low, middle);
    if (above + upper >= wanted) {
      high = middle;
    } else {
      above += upper;
      low = middle;
    }
  }
  return ranks[low];
}

// The last rank that is kept.
std::uint64_t Sampler::cutoff(const SampleRow& row, float best, float scale) {
  const bool by_count = row.top_k > 0 && static_cast<std::size_t>(row.top_k) < logits_.size();
  const bool by_mass = row.top_p < 1.0F;
  if (!by_count && !by_mass) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  Shortlist list(by_count ? static_cast<std::size_t>(row.top_k) : logits_.size(), ranks_,
                 std::less<>());
  for (std::size_t id = 0; id < logits_.size(); ++id) {
    const std::uint32_t distance = distance_of(logits_[id], best, scale);
    if (distance < kVanishing) {
      list.add(rank_of(distance, static_cast<std::int32_t>(id)));
    }
  }
  list.cut();
  return by_mass ? mass_cutoff(ranks_, fraction_of(row.top_p))
                 : *std::max_element(ranks_.begin(), ranks_.end());
}

std::int32_t Sampler::draw(const SampleRow& row, float best) {
  const float scale = distance_scale(row.temperature);
  const std::uint64_t last = cutoff(row, best, scale);
  const std::uint64_t least = least_mass(row.min_p);
  std::uint64_t total = 0;
  kept_.clear();
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    const auto id = static_cast<std::int32_t>(i);
    const std::uint32_t distance = distance_of(logits_[i], best, scale);
    if (distance >= kVanishing || rank_of(distance, id) > last) {
      continue;
    }
    const std::uint64_t mass = mass_of(distance);
    if (mass >= least) {
      total += mass;
      kept_.push_back({id, total});
    }
  }
  const std::uint64_t point = share(uniform_bits(row.seed, row.step), total);
  const auto hit = std::upper_bound(
      kept_.begin(), kept_.end(), point,
      [](std::uint64_t value, const Share& share) { return value < share.mass_through; });
  return hit->id;  // the point is less than the total
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
