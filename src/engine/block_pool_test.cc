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

TEST(BlockPool, AMarkedBlockStaysCachedUntilNothingElseIsFree) {
  BlockPool pool(2);
  const std::int32_t kept = pool.acquire();
  pool.mark(kept);
  pool.release(kept);
  EXPECT_EQ(pool.cached_count(), 1);
  EXPECT_EQ(pool.used_count(), 0);
  EXPECT_EQ(pool.available(), 2);
  EXPECT_TRUE(pool.consistent());
  const std::int32_t first = pool.acquire();
  EXPECT_NE(first, kept);
  EXPECT_EQ(pool.acquire(), kept);
  EXPECT_EQ(pool.acquire(), -1);
  pool.release(kept);  // its mark went with its contents
  EXPECT_EQ(pool.cached_count(), 0);
  EXPECT_TRUE(pool.consistent());
}

TEST(BlockPool, CachedBlocksGoInTheOrderOfTheirLastUse) {
  BlockPool pool(3);
  for (int i = 0; i < 3; ++i) {
    pool.mark(pool.acquire());
  }
  for (const std::int32_t block : {1, 0, 2}) {
    pool.release(block);
  }
  pool.retain(1);  // used again
  EXPECT_EQ(pool.used_count(), 1);
  EXPECT_TRUE(pool.consistent());
  pool.release(1);
  EXPECT_EQ(pool.acquire(), 0);
  EXPECT_EQ(pool.acquire(), 2);
  EXPECT_EQ(pool.acquire(), 1);
}

TEST(BlockPoolDeathTest, DoubleReleaseIsABrokenInvariant) {
  BlockPool pool(1);
  const std::int32_t block = pool.acquire();
  pool.release(block);
  EXPECT_DEATH(pool.release(block), "broken invariant");
}

TEST(BlockPoolDeathTest, AFreeBlockCannotBeRetained) {
  BlockPool pool(1);
  EXPECT_DEATH(pool.retain(0), "broken invariant");
}

}  // namespace
}  // namespace monocle
