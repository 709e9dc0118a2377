// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config_target.h"
#include "mutate.h"

namespace monocle::fuzz {
namespace {

TEST(MutatedConfigs, NeitherCrashNorHangNorTakeMemory) {
  const std::vector<Seed> seeds = load_seeds(MONOCLE_SOURCE_DIR "/tests/data/config", "2b_");
  ASSERT_EQ(seeds.size(), 5U);
  for (const Seed& seed : seeds) {
    ASSERT_TRUE(qwen3_vl::parse_config(as_text(seed.bytes)) ||
                qwen3_vl::parse_generation_config(as_text(seed.bytes), 151936))
        << seed.name << " is not a good seed";
  }
  Campaign campaign;
  campaign.max_bytes = std::size_t{8} << 20;
  run_campaign(seeds, campaign, [](std::span<const std::byte> bytes) { check_config(bytes); });
}

// Edits of digits keep the JSON whole and reach the bounds.
TEST(MutatedConfigs, SomeAreStillGood) {
  const std::vector<Seed> seeds = load_seeds(MONOCLE_SOURCE_DIR "/tests/data/config", "2b_");
  int good = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    good += qwen3_vl::parse_config(as_text(mutate(seeds, 1, i))).has_value() ? 1 : 0;
  }
  EXPECT_GT(good, 10);
  EXPECT_LT(good, 1800);
}

}  // namespace
}  // namespace monocle::fuzz
