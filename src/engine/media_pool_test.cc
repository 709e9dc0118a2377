// SPDX-License-Identifier: Apache-2.0
#include "engine/media_pool.h"

#include <gtest/gtest.h>

namespace monocle {
namespace {

Hash128 content(std::uint64_t id) { return {id, ~id}; }

TEST(MediaPool, EqualContentSharesOneRange) {
  MediaPool pool(10);
  const auto first = pool.acquire(content(1), 4);
  const auto second = pool.acquire(content(1), 4);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->first_row, second->first_row);
  EXPECT_EQ(pool.pinned_rows(), 4);
}

TEST(MediaPool, EncodedContentSurvivesItsLastUserUntilRowsAreNeeded) {
  MediaPool pool(8);
  const auto first = pool.acquire(content(1), 4);
  pool.mark_encoded(*first);
  pool.release(*first);
  const auto again = pool.acquire(content(1), 4);
  EXPECT_TRUE(pool.encoded(*again));
  pool.release(*again);
  ASSERT_TRUE(pool.acquire(content(2), 8));   // evicts content 1
  EXPECT_FALSE(pool.acquire(content(1), 4));  // everything is pinned now
}

TEST(MediaPool, ContentThatWasNeverEncodedIsForgotten) {
  MediaPool pool(4);
  pool.release(*pool.acquire(content(1), 4));
  const auto again = pool.acquire(content(1), 4);
  ASSERT_TRUE(again);
  EXPECT_FALSE(pool.encoded(*again));
}

TEST(MediaPool, LeastRecentlyUsedContentGoesFirst) {
  MediaPool pool(8);
  for (const std::uint64_t id : {1U, 2U}) {
    const auto handle = pool.acquire(content(id), 4);
    pool.mark_encoded(*handle);
    pool.release(*handle);
  }
  pool.release(*pool.acquire(content(1), 4));  // 1 is fresher than 2 now
  ASSERT_TRUE(pool.acquire(content(3), 4));
  EXPECT_TRUE(pool.encoded(*pool.acquire(content(1), 4)));
}

TEST(MediaPool, FindsTheGapBetweenLiveRanges) {
  MediaPool pool(12);
  const auto a = pool.acquire(content(1), 4);
  const auto b = pool.acquire(content(2), 4);
  const auto c = pool.acquire(content(3), 4);
  ASSERT_TRUE(a && b && c);
  pool.release(*b);
  const auto d = pool.acquire(content(4), 3);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->first_row, b->first_row);
  EXPECT_FALSE(pool.acquire(content(5), 2));
}

}  // namespace
}  // namespace monocle
