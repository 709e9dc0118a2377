// SPDX-License-Identifier: Apache-2.0
#include "score/summary.h"

#include <algorithm>
#include <cmath>

namespace monocle::score {
namespace {

constexpr int kResamples = 1000;
constexpr double kTail = 0.025;

// splitmix64: the same numbers everywhere, which the standard's distributions do not promise.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::size_t below(std::size_t limit) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return static_cast<std::size_t>((z ^ (z >> 31)) % limit);
  }

 private:
  std::uint64_t state_;
};

double share(const Ratio& ratio) { return ratio.count > 0 ? ratio.sum / ratio.count : 0; }

// One ratio per case.
Mean mean_of(std::span<const Ratio> ratios, std::uint64_t seed) {
  Ratio all;
  for (const Ratio& ratio : ratios) {
    all.sum += ratio.sum;
    all.count += ratio.count;
  }
  Random random(seed);
  std::vector<double> means;
  for (int i = 0; i < kResamples; ++i) {
    Ratio drawn;
    for (std::size_t j = 0; j < ratios.size(); ++j) {
      const Ratio& ratio = ratios[random.below(ratios.size())];
      drawn.sum += ratio.sum;
      drawn.count += ratio.count;
    }
    if (drawn.count > 0) {
      means.push_back(share(drawn));
    }
  }
  Mean mean{share(all), share(all), share(all), all.count};
  if (!means.empty()) {
    std::ranges::sort(means);
    const auto last = static_cast<double>(means.size() - 1);
    mean.low = means[static_cast<std::size_t>(std::lround(kTail * last))];
    mean.high = means[static_cast<std::size_t>(std::lround((1 - kTail) * last))];
  }
  return mean;
}

template <class Value>
Mean mean_per_answer(std::span<const std::vector<Score>> scores, std::uint64_t seed, Value value) {
  std::vector<Ratio> ratios;
  for (const std::vector<Score>& answers : scores) {
    Ratio& ratio = ratios.emplace_back();
    for (const Score& score : answers) {
      ratio.sum += value(score);
      ++ratio.count;
    }
  }
  return mean_of(ratios, seed);
}

}  // namespace

Summary summarize(std::span<const std::vector<Score>> scores, std::uint64_t seed) {
  Summary summary;
  summary.cases = scores.size();
  summary.quality = mean_per_answer(scores, seed, [](const Score& s) { return s.quality; });
  summary.points =
      mean_per_answer(scores, seed, [](const Score& s) { return five_points(s.quality); });
  summary.rubric = mean_per_answer(
      scores, seed, [](const Score& s) { return static_cast<double>(rubric_points(s)); });
  std::map<std::string, std::vector<Ratio>> metrics;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    for (const Score& score : scores[i]) {
      for (const auto& [name, ratio] : score.metrics) {
        std::vector<Ratio>& ratios = metrics[name];
        ratios.resize(scores.size());
        ratios[i].sum += ratio.sum;
        ratios[i].count += ratio.count;
      }
    }
  }
  for (const auto& [name, ratios] : metrics) {
    summary.metrics[name] = mean_of(ratios, seed);
  }
  return summary;
}

double token_agreement(std::span<const std::string> a, std::span<const std::string> b) {
  const std::size_t longest = std::max(a.size(), b.size());
  std::size_t same = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    same += a[i] == b[i];
  }
  return longest == 0 ? 1.0 : static_cast<double>(same) / static_cast<double>(longest);
}

}  // namespace monocle::score
