// SPDX-License-Identifier: Apache-2.0
#include "engine/prefix_cache.h"

#include <gtest/gtest.h>

#include <array>

namespace monocle {
namespace {

using Tokens = std::array<std::int32_t, 2>;
constexpr PrefixCache::Place kRoot{0, true};

PrefixCache::Key key(PrefixCache::Place parent, std::uint64_t content, const Tokens& tokens) {
  return {parent, {content, 1}, tokens};
}

TEST(PrefixCache, FindsAChainOnlyBehindItsOwnBeginning) {
  PrefixCache cache(8, 2);
  const Tokens a{1, 2};
  const Tokens b{3, 4};
  ASSERT_TRUE(cache.insert(key(kRoot, 10, a), 5));
  const auto behind_a = cache.place_of(5);
  ASSERT_TRUE(cache.insert(key(behind_a, 20, b), 6));
  EXPECT_EQ(cache.find(key(kRoot, 10, a)), 5);
  EXPECT_EQ(cache.find(key(behind_a, 20, b)), 6);
  EXPECT_EQ(cache.find(key(kRoot, 20, b)), -1);
  EXPECT_EQ(cache.find(key({1, true}, 10, a)), -1) << "another salt";
  EXPECT_EQ(cache.entries(), 2);
}

TEST(PrefixCache, EqualHashesOfDifferentTokensAreToldApart) {
  PrefixCache cache(4, 2);
  const Tokens a{1, 2};
  const Tokens b{1, 3};
  ASSERT_TRUE(cache.insert(key(kRoot, 10, a), 0));
  EXPECT_EQ(cache.find(key(kRoot, 10, b)), -1);
  ASSERT_TRUE(cache.insert(key(kRoot, 10, b), 1));
  EXPECT_EQ(cache.find(key(kRoot, 10, a)), 0);
  EXPECT_EQ(cache.find(key(kRoot, 10, b)), 1);
}

TEST(PrefixCache, TheFirstBlockWithAContentStays) {
  PrefixCache cache(4, 2);
  const Tokens a{1, 2};
  ASSERT_TRUE(cache.insert(key(kRoot, 10, a), 0));
  EXPECT_FALSE(cache.insert(key(kRoot, 10, a), 1));
  EXPECT_EQ(cache.find(key(kRoot, 10, a)), 0);
  cache.forget(1);  // has no entry
  EXPECT_EQ(cache.entries(), 1);
}

TEST(PrefixCache, WhatStoodBehindAForgottenBlockIsNotFoundBehindItsSuccessor) {
  PrefixCache cache(4, 2);
  const Tokens a{1, 2};
  const Tokens b{3, 4};
  ASSERT_TRUE(cache.insert(key(kRoot, 10, a), 0));
  ASSERT_TRUE(cache.insert(key(cache.place_of(0), 20, b), 1));
  cache.forget(0);
  EXPECT_EQ(cache.find(key(kRoot, 10, a)), -1);
  ASSERT_TRUE(cache.insert(key(kRoot, 10, a), 2));
  EXPECT_EQ(cache.find(key(cache.place_of(2), 20, b)), -1);
}

TEST(PrefixCache, ForgettingUnlinksAnywhereInABucket) {
  constexpr std::int32_t kBlocks = 64;
  PrefixCache cache(kBlocks, 2);
  const auto nth = [](std::int32_t i) { return Tokens{i, i}; };
  for (std::int32_t i = 0; i < kBlocks; ++i) {  // one content for all: one bucket
    ASSERT_TRUE(cache.insert(key(kRoot, 7, nth(i)), i));
  }
  for (std::int32_t i = 0; i < kBlocks; i += 3) {
    cache.forget(i);
  }
  for (std::int32_t i = 0; i < kBlocks; ++i) {
    EXPECT_EQ(cache.find(key(kRoot, 7, nth(i))), i % 3 == 0 ? -1 : i);
  }
}

}  // namespace
}  // namespace monocle
