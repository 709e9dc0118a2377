// SPDX-License-Identifier: Apache-2.0
#include "text/merges.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>

namespace monocle {
namespace {

using Rules = std::map<std::pair<TokenId, TokenId>, Merge>;

// The definition, written as it reads: the best pair, all its occurrences from the left, again.
std::vector<TokenId> merge_by_definition(const Rules& rules, std::vector<TokenId> ids) {
  for (;;) {
    const Merge* best = nullptr;
    std::pair<TokenId, TokenId> pair;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto rule = rules.find({ids[i], ids[i + 1]});
      if (rule != rules.end() && (best == nullptr || rule->second.rank < best->rank)) {
        best = &rule->second;
        pair = rule->first;
      }
    }
    if (best == nullptr) {
      return ids;
    }
    std::vector<TokenId> merged;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i + 1 < ids.size() && std::pair(ids[i], ids[i + 1]) == pair) {
        merged.push_back(best->merged);
        ++i;
      } else {
        merged.push_back(ids[i]);
      }
    }
    ids = std::move(merged);
  }
}

// A vocabulary like a trained one: each rule joins two tokens that exist already, and makes a new
// text.
Rules random_rules(std::mt19937& rng, MergeTable& table, int count) {
  Rules rules;
  std::vector<std::string> texts{"a", "b", "c"};
  table.reserve(static_cast<std::size_t>(count));
  for (int tries = 0; tries < 50 * count && static_cast<int>(rules.size()) < count; ++tries) {
    const auto left = static_cast<TokenId>(rng() % texts.size());
    const auto right = static_cast<TokenId>(rng() % texts.size());
    const std::string joined =
        texts[static_cast<std::size_t>(left)] + texts[static_cast<std::size_t>(right)];
    if (joined.size() > 12 || std::find(texts.begin(), texts.end(), joined) != texts.end()) {
      continue;
    }
    const Merge merge{static_cast<std::uint32_t>(rules.size()), static_cast<TokenId>(texts.size())};
    texts.push_back(joined);
    rules[{left, right}] = merge;
    table.insert(left, right, merge);
  }
  return rules;
}

TEST(Merges, BothLoopsFollowTheDefinition) {
  std::mt19937 rng(7);
  for (int round = 0; round < 60; ++round) {
    MergeTable table;
    const Rules rules = random_rules(rng, table, 5 + round);
    Merger merger(table);
    for (const std::size_t size :
         std::initializer_list<std::size_t>{0, 1, 2, 3, 10, 47, 48, 49, 50, 200, 1000}) {
      std::vector<TokenId> ids(size);
      const auto letters = 1 + rng() % 3;
      std::generate(ids.begin(), ids.end(), [&] { return static_cast<TokenId>(rng() % letters); });
      const auto expected = merge_by_definition(rules, ids);
      merger.apply(ids);
      EXPECT_EQ(ids, expected) << "round " << round << ", size " << size;
    }
  }
}

TEST(Merges, TableFindsWhatWasInserted) {
  MergeTable table;
  EXPECT_EQ(table.find(0, 0), nullptr);
  table.reserve(1000);
  for (TokenId i = 0; i < 1000; ++i) {
    table.insert(i, i * 7, {static_cast<std::uint32_t>(i), i + 5000});
  }
  for (TokenId i = 0; i < 1000; ++i) {
    ASSERT_NE(table.find(i, i * 7), nullptr);
    EXPECT_EQ(table.find(i, i * 7)->merged, i + 5000);
    EXPECT_EQ(table.find(i, i * 7 + 1), nullptr);
  }
  table.insert(3, 21, {1, 9});
  EXPECT_EQ(table.find(3, 21)->merged, 9);  // the later rule
}

}  // namespace
}  // namespace monocle
