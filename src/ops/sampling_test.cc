// SPDX-License-Identifier: Apache-2.0
#include "ops/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace monocle {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(std::size_t count, std::uint64_t seed, bool ties) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<float> normal(0.0F, 3.0F);
  std::vector<float> out(count);
  for (float& logit : out) {
    logit = ties ? std::round(normal(engine)) : normal(engine);
  }
  return out;
}

std::vector<Candidate> sorted(const std::vector<float>& logits) {
  std::vector<Candidate> all;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -kInfinity) {
      all.push_back({logits[i], static_cast<std::int32_t>(i)});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.logit > b.logit; });
  return all;
}

// SampleRow's truncations by the book: everything sorted, everything in double. Ids of the kept
// tokens, rising, with their probabilities.
std::vector<std::pair<std::int32_t, double>> by_definition(const std::vector<float>& logits,
                                                           const SampleRow& row) {
  std::vector<Candidate> kept = sorted(logits);
  if (row.top_k > 0 && static_cast<std::size_t>(row.top_k) < kept.size()) {
    kept.resize(static_cast<std::size_t>(row.top_k));
  }
  std::vector<double> weights;
  for (const Candidate& token : kept) {
    weights.push_back(std::exp(static_cast<double>(token.logit - kept[0].logit) /
                               static_cast<double>(row.temperature)));
  }
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t count = 0;
  double mass = 0.0;
  while (count < kept.size() &&
         (count == 0 || row.top_p >= 1.0F || mass < static_cast<double>(row.top_p) * total)) {
    mass += weights[count++];
  }
  std::vector<std::pair<std::int32_t, double>> out;
  for (std::size_t i = 0; i < count && weights[i] >= static_cast<double>(row.min_p); ++i) {
    out.emplace_back(kept[i].id, weights[i]);
  }
  std::sort(out.begin(), out.end());
  double sum = 0.0;
  for (const auto& [id, weight] : out) {
    sum += weight;
  }
  for (auto& [id, weight] : out) {
    weight /= sum;
  }
  return out;
}

TEST(Philox, KnownAnswers) {  // from the test vectors of the published algorithm
  using Block = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Uniform, DependsOnEveryBitOfSeedAndStep) {
  const double base = uniform(1, 1);
  EXPECT_EQ(uniform(1, 1), base);
  for (int bit = 1; bit < 64; ++bit) {
    EXPECT_NE(uniform(1 ^ (std::uint64_t{1} << bit), 1), base);
    EXPECT_NE(uniform(1, 1 ^ (std::uint64_t{1} << bit)), base);
  }
}

TEST(Uniform, StaysInRangeAndFillsItEvenly) {
  std::array<int, 10> bins{};
  for (std::uint64_t step = 0; step < 10000; ++step) {
    const double u = uniform(42, step);
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    ++bins[static_cast<std::size_t>(u * 10.0)];
  }
  for (const int count : bins) {
    EXPECT_NEAR(count, 1000, 150);  // five standard deviations
  }
}

TEST(AdjustLogits, PenaltiesBiasAndMaskInThatOrder) {
  std::vector<float> logits{2.0F, -2.0F, 1.0F, 4.0F, 0.5F};
  const TokenCount seen[] = {{0, 3}, {1, 0}, {2, 1}, {99, 5}, {-1, 1}};
  const LogitBias bias[] = {{1, 10.0F}, {4, -1.0F}, {4, -1.0F}, {77, 1.0F}};
  const std::uint32_t allowed[] = {0b10111};
  SampleRow row;
  row.repetition_penalty = 2.0F;
  row.presence_penalty = 0.25F;
  row.frequency_penalty = 0.5F;
  row.seen = seen;
  row.bias = bias;
  row.allowed = allowed;
  adjust_logits(logits, row);
  EXPECT_EQ(logits, (std::vector<float>{2.0F / 2 - 0.25F - 1.5F, -2.0F * 2 + 10.0F,
                                        1.0F / 2 - 0.25F - 0.5F, -kInfinity, 0.5F - 2.0F}));
}

TEST(AdjustLogits, NotANumberNeverWinsAndInfinityIsFinite) {
  std::vector<float> logits{kNan, kInfinity, -kInfinity};
  adjust_logits(logits, SampleRow());
  EXPECT_EQ(logits[0], -kInfinity);
  EXPECT_EQ(logits[1], std::numeric_limits<float>::max());
  EXPECT_EQ(logits[2], -kInfinity);
}

TEST(AdjustLogits, MaskBitsCrossWords) {
  std::vector<float> logits(70, 1.0F);
  const std::uint32_t allowed[] = {0x80000000U, 0x1U, 0x20U};
  SampleRow row;
  row.allowed = allowed;
  adjust_logits(logits, row);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_EQ(logits[i] > 0.0F, i == 31 || i == 32 || i == 69) << i;
  }
}

TEST(Argmax, FirstMaximumWins) {
  EXPECT_EQ(argmax(std::vector<float>{1, 3, 3, 2}).id, 1);
  EXPECT_EQ(argmax(std::vector<float>{-kInfinity, -kInfinity}).id, -1);
}

TEST(CollectTop, EqualsTheHeadOfASort) {
  for (const bool ties : {false, true}) {
    for (const std::size_t size : {1U, 2U, 17U, 1000U, 4099U}) {
      std::vector<float> logits = random_logits(size, 5, ties);
      logits[size / 2] = -kInfinity;
      const std::vector<Candidate> all = sorted(logits);
      for (const std::int32_t count : {1, 2, 20, 63, 999, 5000}) {
        std::vector<Candidate> top;
        collect_top(logits, count, top);
        ASSERT_EQ(top.size(), std::min(all.size(), static_cast<std::size_t>(count)));
        for (std::size_t i = 0; i < top.size(); ++i) {
          ASSERT_EQ(top[i].id, all[i].id) << size << " " << count << " " << i;
        }
      }
    }
  }
}

TEST(Mass, IsThePowerItStandsFor) {
  EXPECT_EQ(mass_of(0), std::uint64_t{1} << kMassBits);
  EXPECT_EQ(mass_of(kVanishing - 1), 1U);
  EXPECT_EQ(mass_of(kVanishing), 0U);
  EXPECT_EQ(mass_of(std::numeric_limits<std::uint32_t>::max()), 0U);
  std::mt19937 random(8);
  for (int i = 0; i < 200000; ++i) {
    const auto distance = static_cast<std::uint32_t>(random() % kVanishing);
    const double exact = std::exp2(kMassBits - static_cast<double>(distance) * 0x1p-24);
    // A unit is lost at most where bits are shifted out.
    ASSERT_NEAR(static_cast<double>(mass_of(distance)), exact, exact * 5.2e-9 + 1.0) << distance;
  }
}

TEST(Mass, DistanceOfWhatIsFarOrNothing) {
  const float largest = std::numeric_limits<float>::max();
  for (const float temperature : {1e-38F, 0.7F, 1.0F, 1e38F}) {
    const float scale = distance_scale(temperature);
    EXPECT_EQ(distance_of(largest, largest, scale), 0U);
    EXPECT_GE(distance_of(-kInfinity, 0.0F, scale), kVanishing);
  }
  EXPECT_GE(distance_of(-largest, largest, distance_scale(1.0F)), kVanishing);
  EXPECT_EQ(distance_of(0.0F, std::log(2.0F), distance_scale(1.0F)), 1U << kDistanceBits);
}

TEST(Mass, ShareIsTheProductRoundedDown) {
  __extension__ using Wide = unsigned __int128;
  std::mt19937_64 random(9);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t fraction = random() >> (11 + random() % 20);
    const std::uint64_t mass = random() >> (6 + random() % 40);
    ASSERT_EQ(share(fraction, mass), static_cast<std::uint64_t>((Wide{fraction} * mass) >> 53));
  }
  EXPECT_EQ(share(kWhole, 12345), 12345U);
}

TEST(MassCutoff, KeepsTheSmallestPrefixThatReachesTheShare) {
  for (const auto& [part, last] : {std::pair{0.5F, 0U}, {0.5001F, 1U}, {0.0F, 0U}, {1.0F, 1U}}) {
    std::array<std::uint64_t, 2> half{rank_of(0, 1), rank_of(0, 0)};  // exactly one half each
    EXPECT_EQ(mass_cutoff(half, fraction_of(part)), last) << part;
  }
}

TEST(Sampler, DrawsWhatTheDefinitionSays) {
  std::mt19937 random(3);
  Sampler sampler;  // shared, so that leftovers of one row would spoil the next
  for (int round = 0; round < 600; ++round) {
    const std::size_t size =
        std::array<std::size_t, 5>{1, 3, 40, 700, 3001}[static_cast<std::size_t>(round % 5)];
    const std::vector<float> logits = random_logits(size, random(), round % 3 == 0);
    SampleRow row;
    row.temperature = std::array{0.1F, 0.7F, 1.0F, 2.5F}[random() % 4];
    row.top_k = std::array{0, 1, 5, 20, 5000}[random() % 5];
    row.top_p = std::array{1.0F, 0.8F, 0.35F, 0.99F, 0.0F}[random() % 5];
    row.min_p = std::array{0.0F, 0.0F, 0.1F, 1.0F}[random() % 4];
    row.seed = random();
    row.step = random() % 1000;
    const auto kept = by_definition(logits, row);
    const double u = uniform(row.seed, row.step);
    double through = 0.0;
    std::int32_t expected = kept.back().first;
    for (const auto& [id, probability] : kept) {
      through += probability;
      if (through > u) {
        expected = id;
        break;
      }
    }
    ASSERT_EQ(sampler.sample(logits, row).id, expected)
        << "round " << round << " V " << size << " T " << row.temperature << " k " << row.top_k
        << " p " << row.top_p << " min_p " << row.min_p;
  }
}

// Pearson's statistic of `draws` draws against the definition.
double chi_square(const std::vector<float>& logits, SampleRow row, int draws) {
  std::vector<int> counts(logits.size());
  Sampler sampler;
  for (int step = 0; step < draws; ++step) {
    row.step = static_cast<std::uint64_t>(step);
    ++counts[static_cast<std::size_t>(sampler.sample(logits, row).id)];
  }
  double sum = 0.0;
  int expected_draws = 0;
  for (const auto& [id, probability] : by_definition(logits, row)) {
    const double expected = probability * draws;
    const double difference = counts[static_cast<std::size_t>(id)] - expected;
    sum += difference * difference / expected;
    expected_draws += counts[static_cast<std::size_t>(id)];
  }
  EXPECT_EQ(expected_draws, draws) << "a dropped token was drawn";
  return sum;
}

TEST(Sampler, FrequenciesFollowTheDistribution) {
  const std::vector<float> logits{1.0F, 2.0F, 0.0F, -1.0F, 3.0F, 2.5F, 0.5F, 1.5F};
  SampleRow row;
  row.seed = 2024;
  row.temperature = 1.0F;
  EXPECT_LT(chi_square(logits, row, 20000),
            29.9);  // 7 degrees of freedom: exceeded once in 10,000 seeds
  row.temperature = 0.5F;
  row.top_k = 4;
  EXPECT_LT(chi_square(logits, row, 20000), 21.1);  // 3 degrees
  row.top_k = 0;
  row.top_p = 0.9F;
  row.temperature = 1.5F;
  EXPECT_LT(chi_square(logits, row, 20000), 29.9);
}

TEST(Sampler, WholeVocabularyWithoutTruncationAndWithTopP) {
  constexpr std::size_t kVocab = 151936;
  std::vector<float> logits = random_logits(kVocab, 9, false);
  SampleRow row;
  row.temperature = 1.0F;
  Sampler sampler;
  for (const float top_p : {1.0F, 0.9F, 0.05F}) {
    row.top_p = top_p;
    const auto kept = by_definition(logits, row);
    for (std::uint64_t step = 0; step < 5; ++step) {
      row.step = step;
      const std::int32_t id = sampler.sample(logits, row).id;
      EXPECT_TRUE(
          std::binary_search(kept.begin(), kept.end(), std::pair{id, 0.0},
                             [](const auto& a, const auto& b) { return a.first < b.first; }));
    }
  }
}

TEST(Sampler, GreedyReportsLogprobsOfTheUntruncatedDistribution) {
  const std::vector<float> logits{std::log(0.1F), std::log(0.6F), std::log(0.3F)};
  SampleRow row;
  row.top_k = 1;
  row.top_logprobs = 5;
  const SampledToken token = Sampler().sample(logits, row);
  EXPECT_EQ(token.id, 1);
  EXPECT_NEAR(token.logprob, std::log(0.6F), 1e-6F);
  ASSERT_EQ(token.top_count, 3);
  EXPECT_EQ(token.top[0].id, 1);
  EXPECT_EQ(token.top[1].id, 2);
  EXPECT_NEAR(token.top[2].logprob, std::log(0.1F), 1e-6F);
}

TEST(Sampler, LogprobsAreBeforeTemperatureAndAfterTheMask) {
  const std::vector<float> logits{std::log(0.5F), std::log(0.25F), std::log(0.25F)};
  const std::uint32_t allowed[] = {0b110};
  SampleRow row;
  row.temperature = 0.01F;
  row.allowed = allowed;
  const SampledToken token = Sampler().sample(logits, row);
  EXPECT_NE(token.id, 0);
  EXPECT_NEAR(token.logprob, std::log(0.5F), 1e-6F);
}

TEST(Sampler, NothingAllowedIsReportedNotGuessed) {
  const std::uint32_t allowed[] = {0};
  SampleRow row;
  row.allowed = allowed;
  for (const float temperature : {0.0F, 1.0F}) {
    row.temperature = temperature;
    const SampledToken token = Sampler().sample(std::vector<float>{1.0F, 2.0F}, row);
    EXPECT_EQ(token.id, -1);
    EXPECT_EQ(token.logprob, -kInfinity);
    EXPECT_EQ(token.top_count, 0);
  }
}

TEST(Sampler, TinyTemperatureAndHugeLogitsStayFinite) {
  SampleRow row;
  row.temperature = 1e-30F;
  EXPECT_EQ(Sampler().sample(std::vector<float>{1e30F, 3e38F, -3e38F}, row).id, 1);
  const SampledToken token = Sampler().sample(std::vector<float>{0.0F, kInfinity}, row);
  EXPECT_EQ(token.id, 1);
  EXPECT_EQ(token.logprob, 0.0F);
}

}  // namespace
}  // namespace monocle
