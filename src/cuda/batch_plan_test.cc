// SPDX-License-Identifier: Apache-2.0
#include "cuda/batch_plan.h"

#include <gtest/gtest.h>

#include "cuda/test_linear.h"

namespace monocle::cuda {
namespace {

constexpr BatchDevice kDevice{132, 30};

using test::args_of;

TEST(BatchPlan, EveryClusterHasWork) {
  const BatchPlan project = plan_batch(args_of(32, 2048, {2048, 1024, 1024}), kDevice);
  ASSERT_TRUE(project.fits);
  EXPECT_TRUE(project.wide);
  EXPECT_EQ(project.tiles, 32);
  EXPECT_EQ(project.groups, 32);
  EXPECT_EQ(project.slice, 512);
  const BatchPlan out = plan_batch(args_of(32, 2048, {2048}), kDevice);
  EXPECT_FALSE(out.wide);  // 16 wide tiles would leave half of the clusters without one
  EXPECT_EQ(out.tiles, 32);
  LinearArgs gate_up = args_of(32, 2048, {6144, 6144});
  gate_up.epilogue = Epilogue::kSwiGlu;
  gate_up.y.cols = 6144;
  const BatchPlan pairs = plan_batch(gate_up, kDevice);
  EXPECT_TRUE(pairs.wide);
  EXPECT_EQ(pairs.tiles, 96);
}

TEST(BatchPlan, ClustersWithSeveralTilesRunSideBySide) {
  const LinearArgs head = args_of(32, 2048, {151936});
  EXPECT_EQ(plan_batch(head, kDevice).groups, kDevice.clusters);
  EXPECT_EQ(plan_batch(head, {132, 40}).groups, 33);
  EXPECT_EQ(plan_batch(head, {132, 0}).groups, 1);
}

TEST(BatchPlan, TilesAndSlicesCoverEverything) {
  for (const std::int64_t rows : {17, 32, 33, 64}) {
    for (const std::int64_t cols : {8, 72, 2048, 2560, 6144}) {
      for (const std::int64_t n : {8, 64, 200, 2112, 4168, 151936}) {
        const BatchPlan plan = plan_batch(args_of(rows, cols, {n}), kDevice);
        ASSERT_TRUE(plan.fits);
        EXPECT_GE(std::int64_t{plan.tiles} * (plan.wide ? 128 : 64), n);
        EXPECT_GE(std::int64_t{plan.slice} * kBatchCluster, cols);
        EXPECT_EQ(plan.slice % (plan.wide || plan.tokens > 64 ? 64 : 128), 0);
        EXPECT_GE(plan.tokens, rows);
        EXPECT_TRUE(plan.tokens > kBatchStayTokens
                        ? plan.groups == plan.tiles
                        : plan.groups <= kDevice.multiprocessors / kBatchCluster);
      }
    }
  }
}

TEST(BatchPlan, RefusesWhatItCannotRead) {
  EXPECT_FALSE(plan_batch(args_of(32, 2048, {64}), {}).fits);
  EXPECT_FALSE(plan_batch(args_of(16, 2048, {64}), kDevice).fits);
  EXPECT_FALSE(plan_batch(args_of(65, 2048, {64}), kDevice).fits);
  EXPECT_FALSE(plan_batch(args_of(32, 2044, {64}), kDevice).fits);
  EXPECT_FALSE(plan_batch(args_of(32, 2048, {72, 64}), kDevice).fits);  // a box in two parts
  EXPECT_TRUE(plan_batch(args_of(32, 2048, {64, 72}), kDevice).fits);
  LinearArgs int8 = args_of(32, 2048, {64});
  int8.w.part[0].format = QuantFormat::kInt8Channel;
  EXPECT_FALSE(plan_batch(int8, kDevice).fits);
}

}  // namespace
}  // namespace monocle::cuda
