// SPDX-License-Identifier: Apache-2.0
// What a model says, and the case sets that people write, through the scorer.
#include <gtest/gtest.h>

#include <cmath>

#include "base/check.h"
#include "mutate.h"
#include "score/score.h"

namespace monocle::fuzz {
namespace {

Seed example_set() { return load_seeds(MONOCLE_SOURCE_DIR "/src/score", "examples.json").front(); }

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Seed seed_of(const score::Case& one) {
  const auto bytes = std::as_bytes(std::span(one.answers.front()));
  return {one.id, {bytes.begin(), bytes.end()}};
}

TEST(MutatedAnswers, ScoreBetweenNothingAndAll) {
  const auto set = score::parse_cases(text_of(example_set().bytes));
  ASSERT_TRUE(set) << set.error().message;
  std::vector<Seed> seeds;
  for (const score::Case& one : set->cases) {
    seeds.push_back(seed_of(one));
  }
  run_campaign(seeds, Campaign{}, [&](std::span<const std::byte> bytes) {
    for (const score::Case& one : set->cases) {
      const score::Score found = score::score_answer(one, text_of(bytes));
      MONOCLE_CHECK(found.quality >= 0 && found.quality <= 1);
      for (const auto& [name, ratio] : found.metrics) {
        MONOCLE_CHECK(std::isfinite(ratio.sum) && ratio.count >= 0);
      }
    }
  });
}

TEST(MutatedCaseSets, AreReadOrRefusedInWords) {
  const std::vector<Seed> seeds{example_set()};
  run_campaign(seeds, Campaign{}, [](std::span<const std::byte> bytes) {
    const auto set = score::parse_cases(text_of(bytes));
    MONOCLE_CHECK(set ? !set->cases.empty() : !set.error().message.empty());
  });
}

}  // namespace
}  // namespace monocle::fuzz
