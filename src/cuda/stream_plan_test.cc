// SPDX-License-Identifier: Apache-2.0
#include "cuda/stream_plan.h"

#include <gtest/gtest.h>

#include "cuda/test_linear.h"

namespace monocle::cuda {
namespace {

constexpr StreamDevice kHopper{227 * 1024, 132, true};
constexpr StreamDevice kAmpere{163 * 1024, 108, false};

using test::args_of;

TEST(StreamPlan, OneRowUsesEveryMultiprocessor) {
  const StreamPlan plan = plan_stream(args_of(1, 2048, {2048, 1024, 1024}), kHopper);
  ASSERT_TRUE(plan.fits);
  EXPECT_TRUE(plan.narrow);
  EXPECT_EQ(plan.tiles, 256);
  EXPECT_EQ(plan.groups, 132);
  EXPECT_EQ(plan.cluster, 1);
}

// Two blocks of neighbouring launches must fit one multiprocessor, or nothing overlaps.
TEST(StreamPlan, TwoBlocksFitSideBySide) {
  for (const std::int64_t rows : {1, 8, 16, 32}) {
    for (const std::int64_t cols : {2048, 6144}) {
      const StreamPlan plan = plan_stream(args_of(rows, cols, {2048}), kHopper);
      ASSERT_TRUE(plan.fits);
      EXPECT_LE(plan.shared_bytes, 140U * 1024) << rows << " rows of " << cols;
    }
  }
}

TEST(StreamPlan, BlocksCoverAllColumnsAndRows) {
  for (const StreamDevice& device : {kHopper, kAmpere}) {
    for (const QuantFormat format : {QuantFormat::kBF16, QuantFormat::kInt8Channel,
                                     QuantFormat::kFp8Channel, QuantFormat::kInt4Group}) {
      for (const std::int64_t rows : {1, 2, 7, 8, 9, 16, 17, 33, 64}) {
        for (const std::int64_t cols : {16, 64, 144, 1152, 2048, 4304, 6144}) {
          for (const std::int64_t n : {1, 8, 131, 2048, 151936}) {
            const StreamPlan plan = plan_stream(args_of(rows, cols, {n}, format), device);
            if (!plan.fits) {
              continue;
            }
            EXPECT_GE(std::int64_t{plan.slice} * plan.cluster, cols);
            EXPECT_GE(std::int64_t{plan.tiles} * (plan.narrow ? 16 : 128), n);
            EXPECT_GE(8 * plan.token_tiles, rows);
            if (format == QuantFormat::kInt4Group) {
              EXPECT_EQ(plan.slice % kInt4StageColumns, 0);  // whole blocks of groups
            }
            EXPECT_LE(plan.shared_bytes, device.shared_bytes);
            EXPECT_LE(plan.groups * plan.cluster, std::max(plan.cluster, device.multiprocessors));
            EXPECT_TRUE(device.clusters || plan.cluster == 1);
          }
        }
      }
    }
  }
}

TEST(StreamPlan, RefusesWhatItCannotRead) {
  EXPECT_FALSE(plan_stream(args_of(0, 2048, {64}), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(65, 2048, {64}), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(1, 2044, {64}), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(1, 2056, {64}, QuantFormat::kInt8Channel), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(1, 2056, {64}, QuantFormat::kFp8Channel), kHopper).fits);
  EXPECT_TRUE(plan_stream(args_of(1, 2056, {64}, QuantFormat::kInt4Group), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(1, 2052, {64}, QuantFormat::kInt4Group), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(1, 2048, {12, 8}), kHopper).fits);  // a group of rows in two
  EXPECT_TRUE(plan_stream(args_of(1, 2048, {8, 12}), kHopper).fits);
  EXPECT_FALSE(plan_stream(args_of(1, 2048, {64}, QuantFormat::kF16), kHopper).fits);
  LinearArgs wide = args_of(1, 2048, {64});
  wide.x.dtype = DType::kF32;
  EXPECT_FALSE(plan_stream(wide, kHopper).fits);
}

}  // namespace
}  // namespace monocle::cuda
