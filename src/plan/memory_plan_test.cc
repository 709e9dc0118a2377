// SPDX-License-Identifier: Apache-2.0
#include "plan/memory_plan.h"

#include <gtest/gtest.h>

#include <numeric>

namespace monocle {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

MemoryNeeds needs() {
  return {.weights = 4000 * kMiB,
          .workspace = 200 * kMiB,
          .logits = 19 * kMiB,
          .media = 100 * kMiB,
          .recordings = 96 * kMiB,
          .kv_block = 2 * kMiB,
          .kv_blocks_least = 256,
          .kv_blocks_wanted = 8192};
}

MemoryBudget budget(std::size_t limit, std::size_t free = 80000 * kMiB) {
  return {.total = 81000 * kMiB, .free = free, .context = 500 * kMiB, .limit = limit};
}

TEST(MemoryPlan, TakesWhatIsWantedWhereThereIsRoom) {
  const auto plan = plan_memory(needs(), budget(72000 * kMiB));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->kv_blocks, 8192);
  EXPECT_EQ(plan->kv(), 16384 * kMiB);
  EXPECT_EQ(plan->to_allocate(), (4000 + 200 + 19 + 100 + 16384) * kMiB);
  EXPECT_EQ(plan->total(), plan->to_allocate() + (500 + 96) * kMiB);
}

TEST(MemoryPlan, GivesTheRestToKeysAndValues) {
  const auto plan = plan_memory(needs(), budget(6000 * kMiB));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->kv_blocks, (6000 - 500 - 4415) / 2);
  EXPECT_LE(plan->total(), 6000 * kMiB);
  EXPECT_GT(plan->total() + needs().kv_block, 6000 * kMiB) << "a further block would not fit";
}

TEST(MemoryPlan, ExactlyTheLeastIsEnough) {
  const std::size_t least = (500 + 4415 + 512) * kMiB;
  const auto plan = plan_memory(needs(), budget(least));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->kv_blocks, 256);
  EXPECT_EQ(plan->total(), least);
  EXPECT_FALSE(plan_memory(needs(), budget(least - 1)).has_value());
}

TEST(MemoryPlan, ARefusalNamesWhatIsNeededAndWhatToLower) {
  const auto plan = plan_memory(needs(), budget(4000 * kMiB));
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().code, ErrorCode::kTooLarge);
  for (const char* words : {"5.30 GiB of memory are needed", "weights 3.91 GiB", "4096 tokens",
                            "3.91 GiB are allowed", "--max-model-len", "--max-num-seqs"}) {
    EXPECT_NE(plan.error().message.find(words), std::string::npos) << plan.error().message;
  }
}

TEST(MemoryPlan, OtherProgramsOnTheDeviceCount) {
  const auto plan = plan_memory(needs(), budget(72000 * kMiB, 3000 * kMiB));
  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().message.find("3.42 GiB are free"), std::string::npos)
      << plan.error().message;
}

TEST(MemoryPlan, LinesAddUpToTheLast) {
  const auto plan = plan_memory(needs(), budget(6000 * kMiB));
  ASSERT_TRUE(plan.has_value());
  const std::vector<MemoryPlan::Line> lines = plan->lines();
  const std::size_t sum =
      std::accumulate(lines.begin(), lines.end() - 1, std::size_t{0},
                      [](std::size_t before, const auto& line) { return before + line.bytes; });
  EXPECT_EQ(sum, lines.back().bytes);
  EXPECT_EQ(lines.back().bytes, plan->total());
}

TEST(MemoryLimit, BytesAndShares) {
  const std::size_t total = 80 * 1024 * kMiB;
  EXPECT_EQ(*parse_memory_limit("", total, 0.5), 40 * 1024 * kMiB);
  EXPECT_EQ(*parse_memory_limit("0.25", total, 0.5), 20 * 1024 * kMiB);
  EXPECT_EQ(*parse_memory_limit("1", total, 0.5), total);
  EXPECT_EQ(*parse_memory_limit("6G", total, 0.5), 6 * 1024 * kMiB);
  EXPECT_EQ(*parse_memory_limit("6GiB", total, 0.5), 6 * 1024 * kMiB);
  EXPECT_EQ(*parse_memory_limit("1.5g", total, 0.5), 1536 * kMiB);
  EXPECT_EQ(*parse_memory_limit("5500M", total, 0.5), 5500 * kMiB);
  EXPECT_EQ(*parse_memory_limit("4294967296", total, 0.5), 4096 * kMiB);
  for (const char* bad : {"x", "-1", "0", "6X", "6 G", "nan", "inf", "6Gx", "0.0"}) {
    EXPECT_FALSE(parse_memory_limit(bad, total, 0.5).has_value()) << bad;
  }
  const auto large = parse_memory_limit("100G", total, 0.5);
  ASSERT_FALSE(large.has_value());
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace monocle
