// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "mutate.h"
#include "store_target.h"

namespace monocle::fuzz {
namespace {

std::vector<Seed> weight_seeds(std::string_view prefix) {
  return load_seeds(MONOCLE_SOURCE_DIR "/tests/data/weights", prefix);
}

TEST(MutatedSafetensors, NeitherCrashNorHangNorTakeMemory) {
  const std::vector<Seed> seeds = weight_seeds("st_");
  for (const Seed& seed : seeds) {
    ASSERT_TRUE(parse_safetensors(seed.bytes, seed.name)) << seed.name << " is not a good seed";
  }
  Campaign campaign;
  campaign.max_bytes = std::size_t{1} << 20;  // the seeds have a few hundred bytes
  run_campaign(seeds, campaign, [](std::span<const std::byte> bytes) { check_safetensors(bytes); });
}

// Most edits break the JSON; enough must get past it to try the offsets.
TEST(MutatedSafetensors, SomeAreStillGood) {
  const std::vector<Seed> seeds = weight_seeds("st_");
  int good = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    good += parse_safetensors(mutate(seeds, 1, i), "x").has_value() ? 1 : 0;
  }
  EXPECT_GT(good, 40);
  EXPECT_LT(good, 1800);
}

}  // namespace
}  // namespace monocle::fuzz
