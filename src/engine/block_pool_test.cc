// SPDX-License-Identifier: Apache-2.0
#include "engine/block_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace monocle {
namespace {

TEST(BlockPool, HandsOutEveryBlockOnceAndThenNone) {
  BlockPool pool(3);
  std::vector<std::int32_t> taken{pool.acquire(), pool.acquire(), pool.acquire()};
  EXPECT_EQ(pool.acquire(), -1);
  std::ranges::sort(taken);
  EXPECT_EQ(taken, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(pool.free_count(), 0);
  EXPECT_TRUE(pool.consistent());
}

TEST(BlockPool, ASharedBlockIsFreeAfterItsLastRelease) {
  BlockPool pool(1);
  const std::int32_t block = pool.acquire();
  pool.retain(block);
  pool.release(block);
  EXPECT_EQ(pool.free_count(), 0);
  pool.release(block);
  EXPECT_EQ(pool.free_count(), 1);
  EXPECT_TRUE(pool.consistent());
}

TEST(BlockPool, ReleasingATableSkipsBlocksGivenBackEarlier) {
  BlockPool pool(2);
  const std::vector<std::int32_t> table{-1, pool.acquire()};
  pool.release(table);
  EXPECT_EQ(pool.used_count(), 0);
}

TEST(BlockPoolDeathTest, DoubleReleaseIsABrokenInvariant) {
  BlockPool pool(1);
  const std::int32_t block = pool.acquire();
  pool.release(block);
  EXPECT_DEATH(pool.release(block), "broken invariant");
}

}  // namespace
}  // namespace monocle
