// SPDX-License-Identifier: Apache-2.0
#include "engine/prompt_lookup.h"

#include <gtest/gtest.h>

namespace monocle {
namespace {

using Ids = std::vector<std::int32_t>;

Ids lookup(const Ids& tokens, std::int64_t count) {
  Ids out{99};
  prompt_lookup(tokens, count, out);
  return out;
}

TEST(PromptLookup, ContinuesTheLatestEarlierOccurrence) {
  EXPECT_EQ(lookup({1, 2, 3, 4, 9, 1, 2, 3, 5, 6, 1, 2, 3}, 2), (Ids{5, 6}));
}

TEST(PromptLookup, ThreeTokensSayMoreThanTwo) {
  EXPECT_EQ(lookup({7, 2, 3, 4, 0, 8, 2, 3, 5, 0, 7, 2, 3}, 1), (Ids{4}));
}

TEST(PromptLookup, TwoTokensWillDo) { EXPECT_EQ(lookup({2, 3, 4, 5, 2, 3}, 2), (Ids{4, 5})); }

TEST(PromptLookup, WhatRepeatsGoesOnRepeating) {
  EXPECT_EQ(lookup({5, 5, 5, 5}, 3), (Ids{5, 5, 5}));
  EXPECT_EQ(lookup({1, 2, 3, 1, 2, 3, 1, 2}, 5), (Ids{3, 1, 2, 3, 1}));
}

TEST(PromptLookup, NothingToSay) {
  EXPECT_EQ(lookup({}, 4), Ids{});
  EXPECT_EQ(lookup({1}, 4), Ids{});
  EXPECT_EQ(lookup({1, 2}, 4), Ids{});
  EXPECT_EQ(lookup({1, 2, 3, 4}, 4), Ids{});
  EXPECT_EQ(lookup({1, 2, 1, 2}, 0), Ids{});
  EXPECT_EQ(lookup({1, 2, 1, 2}, -1), Ids{});
}

}  // namespace
}  // namespace monocle
