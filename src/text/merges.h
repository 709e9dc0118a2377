// SPDX-License-Identifier: Apache-2.0
// The merge rules of a byte-level BPE vocabulary and the loop that applies them: the pair with the
// lowest rank first, the leftmost of equals, until no rule fits. Read-only after loading, so any
// number of threads may share it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

#include "text/token.h"

namespace monocle {

struct Merge {
  std::uint32_t rank;  // lower goes first
  TokenId merged;
};

// Flat open-addressing table from a pair of ids to its rule.
class MergeTable {
 public:
  // Room for `count` rules; insert() must not be called more often than that.
  void reserve(std::size_t count);
  // A repeated pair takes the later rule.
  void insert(TokenId left, TokenId right, Merge merge);
  [[nodiscard]] const Merge* find(TokenId left, TokenId right) const;

 private:
  struct Slot {
    std::uint64_t key;
    Merge merge;
  };
  [[nodiscard]] std::size_t slot_of(std::uint64_t key) const;

  std::vector<Slot> slots_;
  int shift_ = 0;
};

// Scratch of one encode call; not shared between threads.
class Merger {
 public:
  explicit Merger(const MergeTable& table) : table_(table) {}

  // Merges `ids` in place.
  void apply(std::vector<TokenId>& ids);

 private:
  struct Node {
    TokenId id;  // -1: absorbed by its left neighbour
    std::int32_t previous;
    std::int32_t next;
  };
  struct Candidate {
    std::uint32_t rank;
    std::int32_t position;
    TokenId merged;
    // For a max-heap: the "largest" is the lowest rank, then the leftmost.
    friend bool operator<(const Candidate& a, const Candidate& b) {
      return a.rank != b.rank ? a.rank > b.rank : a.position > b.position;
    }
  };

  void apply_short(std::vector<TokenId>& ids);
  void apply_long(std::vector<TokenId>& ids);
  void push_candidate(std::int32_t position);

  const MergeTable& table_;
  std::vector<std::uint32_t> ranks_;
  std::vector<Node> nodes_;
  std::priority_queue<Candidate> heap_;
};

}  // namespace monocle
