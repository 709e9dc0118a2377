// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "image_target.h"
#include "mutate.h"

namespace monocle::fuzz {
namespace {

TEST(MutatedImages, NeitherCrashNorHangNorTakeMoreMemoryThanTheLimitsAllow) {
  const std::vector<Seed> seeds = load_seeds(MONOCLE_SOURCE_DIR "/tests/data/images", "");
  ASSERT_GT(seeds.size(), 90U);
  Campaign campaign;
  campaign.max_bytes = kImageBytes;
  run_campaign(seeds, campaign, [](std::span<const std::byte> bytes) { check_image(bytes); });
}

// The campaign must reach decoders, not only the sniffing of the first bytes.
TEST(MutatedImages, ManyStillDecodeAndManyDoNot) {
  const std::vector<Seed> seeds = load_seeds(MONOCLE_SOURCE_DIR "/tests/data/images", "");
  DecodeOptions options;
  options.limits.max_pixels = kImagePixels;
  int good = 0;
  for (std::int64_t i = 0; i < 1000; ++i) {
    std::vector<std::byte> bytes = mutate(seeds, 1, i);
    if (is_png(bytes)) {
      repair_png(bytes);
    }
    good += decode_image(bytes, options).has_value() ? 1 : 0;
  }
  EXPECT_GT(good, 100);
  EXPECT_LT(good, 900);
}

// The bounds of a campaign would be worth nothing if they never fired.
TEST(RunCampaign, ReportsTimeAndMemoryBeyondTheLimits) {
  const std::vector<Seed> seeds = {{"seed", std::vector<std::byte>(16)}};
  const auto target = [](std::span<const std::byte>) {
    const std::vector<char> taken(std::size_t{48} << 20, 'x');
    ASSERT_EQ(taken.back(), 'x');
  };
  Campaign campaign;
  campaign.cases = 1;
  run_campaign(seeds, campaign, target);
  campaign.max_bytes = std::size_t{16} << 20;
  EXPECT_NONFATAL_FAILURE(run_campaign(seeds, campaign, target), "takes too much memory");
  campaign.max_bytes = std::size_t{256} << 20;
  campaign.max_seconds = 0.0;
  EXPECT_NONFATAL_FAILURE(run_campaign(seeds, campaign, target), "takes too long");
}

TEST(Mutate, IsDeterministicAndChangesItsSeed) {
  const std::vector<Seed> seeds = load_seeds(MONOCLE_SOURCE_DIR "/tests/data/images", "gif_");
  ASSERT_FALSE(seeds.empty());
  int changed = 0;
  for (std::int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(mutate(seeds, 7, i), mutate(seeds, 7, i));
    changed +=
        mutate(seeds, 7, i) != seeds[static_cast<std::size_t>(i) % seeds.size()].bytes ? 1 : 0;
  }
  EXPECT_GT(changed, 90);
  EXPECT_NE(mutate(seeds, 7, 0), mutate(seeds, 8, 0));
}

}  // namespace
}  // namespace monocle::fuzz
