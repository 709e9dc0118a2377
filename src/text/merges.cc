// SPDX-License-Identifier: Apache-2.0
#include "text/merges.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"

namespace monocle {
namespace {

constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t kNoRank = std::numeric_limits<std::uint32_t>::max();
// Up to here a scan over all pairs beats the heap; nearly every word is shorter.
constexpr std::size_t kShortWord = 48;

std::uint64_t pair_key(TokenId left, TokenId right) {
  return (static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32) |
         static_cast<std::uint32_t>(right);
}

}  // namespace

void MergeTable::reserve(std::size_t count) {
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(16, count + count / 2));
  slots_.assign(capacity, Slot{kEmpty, {0, 0}});
  shift_ = 64 - std::countr_zero(capacity);
}

std::size_t MergeTable::slot_of(std::uint64_t key) const {
  const std::size_t mask = slots_.size() - 1;
  // Ids are small and dense: one multiply alone would leave the left id only in the high product
  // bits.
  const std::uint64_t mixed = (key ^ (key >> 29)) * 0x9e3779b97f4a7c15ULL;
  std::size_t slot = static_cast<std::size_t>(mixed >> shift_);
  while (slots_[slot].key != key && slots_[slot].key != kEmpty) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
  const std::uint64_t key = pair_key(left, right);
  slots_[slot_of(key)] = {key, merge};
}

const Merge* MergeTable::find(TokenId left, TokenId right) const {
  if (slots_.empty()) {
    return nullptr;
  }
  const Slot& slot = slots_[slot_of(pair_key(left, right))];
  return slot.key == kEmpty ? nullptr : &slot.merge;
}

void Merger::apply(std::vector<TokenId>& ids) {
  if (ids.size() < 2) {
    return;
  }
  if (ids.size() <= kShortWord) {
    apply_short(ids);
  } else {
    apply_long(ids);
  }
}

void Merger::apply_short(std::vector<TokenId>& ids) {
  const auto rank_at = [&](std::size_t i) {
    const Merge* merge = table_.find(ids[i], ids[i + 1]);
    return merge == nullptr ? kNoRank : merge->rank;
  };
  ranks_.resize(ids.size() - 1);
  for (std::size_t i = 0; i < ranks_.size(); ++i) {
    ranks_[i] = rank_at(i);
  }
  while (!ranks_.empty()) {
    const auto best = std::min_element(ranks_.begin(), ranks_.end());  // the leftmost of equals
    if (*best == kNoRank) {
      return;
    }
    const auto i = static_cast<std::size_t>(best - ranks_.begin());
    ids[i] = table_.find(ids[i], ids[i + 1])->merged;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    ranks_.erase(best);
    if (i > 0) {
      ranks_[i - 1] = rank_at(i - 1);
    }
    if (i < ranks_.size()) {
      ranks_[i] = rank_at(i);
    }
  }
}

void Merger::push_candidate(std::int32_t position) {
  const Node& left = nodes_[static_cast<std::size_t>(position)];
  if (left.next < 0) {
    return;
  }
  if (const Merge* merge = table_.find(left.id, nodes_[static_cast<std::size_t>(left.next)].id)) {
    heap_.push({merge->rank, position, merge->merged});
  }
}

void Merger::apply_long(std::vector<TokenId>& ids) {
  MONOCLE_CHECK(ids.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()));
  const auto count = static_cast<std::int32_t>(ids.size());
  nodes_.clear();
  for (std::int32_t i = 0; i < count; ++i) {
    nodes_.push_back({ids[static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
  }
  for (std::int32_t i = 0; i < count; ++i) {
    push_candidate(i);
  }
  while (!heap_.empty()) {
    const Candidate candidate = heap_.top();
    heap_.pop();
    Node& left = nodes_[static_cast<std::size_t>(candidate.position)];
    if (left.id < 0 || left.next < 0) {
      continue;
    }
    Node& right = nodes_[static_cast<std::size_t>(left.next)];
    // A candidate is stale when either side has grown since it was pushed: the pair then gives
    // another token.
    const Merge* merge = table_.find(left.id, right.id);
    if (merge == nullptr || merge->merged != candidate.merged) {
      continue;
    }
    left.id = candidate.merged;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) {
      nodes_[static_cast<std::size_t>(left.next)].previous = candidate.position;
    }
    if (left.previous >= 0) {
      push_candidate(left.previous);
    }
    push_candidate(candidate.position);
  }
  ids.clear();
  for (std::int32_t i = 0; i >= 0; i = nodes_[static_cast<std::size_t>(i)].next) {
    ids.push_back(nodes_[static_cast<std::size_t>(i)].id);
  }
}

}  // namespace monocle
