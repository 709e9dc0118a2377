// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "mutate.h"
#include "request_target.h"

namespace monocle::fuzz {
namespace {

constexpr std::string_view kSeeds = MONOCLE_SOURCE_DIR "/tests/data/requests";

TEST(MutatedRequests, NeitherCrashNorHangNorTakeMemory) {
  const std::vector<Seed> seeds = load_seeds(std::string(kSeeds), "");
  ASSERT_EQ(seeds.size(), 44U);
  for (const Seed& seed : seeds) {
    EXPECT_TRUE(check_request(seed.bytes)) << seed.name << " is not a good seed";
  }
  Campaign campaign;
  campaign.max_bytes = std::size_t{8} << 20;
  run_campaign(seeds, campaign, [](std::span<const std::byte> bytes) { check_request(bytes); });
}

// The campaign reaches what is behind the JSON parser.
TEST(MutatedRequests, SomeAreStillGood) {
  const std::vector<Seed> seeds = load_seeds(std::string(kSeeds), "");
  int good = 0;
  for (std::int64_t i = 0; i < 2000; ++i) {
    good += check_request(mutate(seeds, 1, i)) ? 1 : 0;
  }
  EXPECT_GT(good, 50);
  EXPECT_LT(good, 1900);
}

}  // namespace
}  // namespace monocle::fuzz
