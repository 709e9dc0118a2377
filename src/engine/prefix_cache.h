// SPDX-License-Identifier: Apache-2.0
// Finds the KV block that already holds a run of tokens behind a known prefix. An index over
// blocks, a tree by content: each entry is one full block and names the entry before it, so that
// equal entries have equal histories. The keys and values of a token depend on every token,
// position and picture before it and on nothing else. Fixed memory; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/hash.h"

namespace monocle {

class PrefixCache {
 public:
  // Where a chain stands: the entry that was matched last, or the start of a chain.
  struct Place {
    std::uint64_t entry = 0;
    bool root = true;  // `entry` is then the salt: chains of different salts never meet
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct Key {
    Place parent;
    Hash128 content;                       // of the tokens, their positions and their media
    std::span<const std::int32_t> tokens;  // [block_tokens]; compared, not only hashed
  };

  PrefixCache(std::int32_t blocks, std::int32_t block_tokens);

  // The block with this content, or -1.
  [[nodiscard]] std::int32_t find(const Key& key) const;
  [[nodiscard]] Place place_of(std::int32_t block) const;
  // Enters a block that has no entry yet. False: another block has this content already.
  bool insert(const Key& key, std::int32_t block);
  // The block gets new contents. Nothing happens to a block without an entry.
  void forget(std::int32_t block);

  [[nodiscard]] std::int32_t entries() const { return entries_; }

 private:
  struct Entry {
    std::uint64_t id = 0;  // 0 = the block has no entry
    Place parent;
    Hash128 content;
    std::int32_t next = -1;  // in the same bucket
  };
  [[nodiscard]] std::size_t bucket(const Place& parent, const Hash128& content) const;

  std::size_t block_tokens_;
  std::vector<Entry> entry_;           // [blocks]
  std::vector<std::int32_t> tokens_;   // [blocks, block_tokens]
  std::vector<std::int32_t> buckets_;  // first block of each, -1 = empty; a power of two
  std::uint64_t last_id_ = 0;
  std::int32_t entries_ = 0;
};

}  // namespace monocle
