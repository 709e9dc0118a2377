// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "mutate.h"
#include "store_target.h"

namespace monocle::fuzz {
namespace {

TEST(MutatedPackedHeaders, NeitherCrashNorHangNorTakeMemory) {
  const std::vector<Seed> seeds = load_seeds(MONOCLE_SOURCE_DIR "/tests/data/weights", "packed_");
  for (const Seed& seed : seeds) {
    std::vector<std::byte> file = seed.bytes;
    std::uint64_t size = 0;
    std::memcpy(&size, file.data() + 16, sizeof(size));
    file.resize(size);
    ASSERT_TRUE(decode_header(file)) << seed.name << " is not a good seed";
  }
  Campaign campaign;
  campaign.max_bytes = std::size_t{1} << 20;  // the file of zeros is at most 64 KiB
  run_campaign(seeds, campaign, [](std::span<const std::byte> bytes) { check_packed(bytes); });
}

}  // namespace
}  // namespace monocle::fuzz
