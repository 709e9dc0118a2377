// SPDX-License-Identifier: Apache-2.0
#include "engine/prefix_cache.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace monocle {

PrefixCache::PrefixCache(std::int32_t blocks, std::int32_t block_tokens)
    : block_tokens_(static_cast<std::size_t>(block_tokens)),
      entry_(static_cast<std::size_t>(blocks)),
      tokens_(entry_.size() * block_tokens_),
      buckets_(std::bit_ceil(entry_.size() * 2), -1) {}

std::int32_t PrefixCache::find(const Key& key) const {
  std::int32_t block = buckets_[bucket(key.parent, key.content)];
  while (block >= 0) {
    const auto index = static_cast<std::size_t>(block);
    const Entry& entry = entry_[index];
    if (entry.content == key.content && entry.parent == key.parent &&
        std::ranges::equal(key.tokens,
                           std::span(tokens_).subspan(index * block_tokens_, block_tokens_))) {
      return block;
    }
    block = entry.next;
  }
  return -1;
}

PrefixCache::Place PrefixCache::place_of(std::int32_t block) const {
  const Entry& entry = entry_[static_cast<std::size_t>(block)];
  MONOCLE_CHECK(entry.id != 0);
  return {entry.id, false};
}

bool PrefixCache::insert(const Key& key, std::int32_t block) {
  MONOCLE_CHECK(key.tokens.size() == block_tokens_);
  if (find(key) >= 0) {
    return false;
  }
  const auto index = static_cast<std::size_t>(block);
  MONOCLE_CHECK(entry_[index].id == 0);
  std::int32_t& first = buckets_[bucket(key.parent, key.content)];
  entry_[index] = {++last_id_, key.parent, key.content, first};
  first = block;
  std::ranges::copy(key.tokens,
                    tokens_.begin() + static_cast<std::ptrdiff_t>(index * block_tokens_));
  ++entries_;
  return true;
}

void PrefixCache::forget(std::int32_t block) {
  Entry& entry = entry_[static_cast<std::size_t>(block)];
  if (entry.id == 0) {
    return;
  }
  std::int32_t* link = &buckets_[bucket(entry.parent, entry.content)];
  while (*link != block) {
    link = &entry_[static_cast<std::size_t>(*link)].next;
  }
  *link = entry.next;
  entry = {};
  --entries_;
}

std::size_t PrefixCache::bucket(const Place& parent, const Hash128& content) const {
  // `content` is well mixed; an odd factor spreads the small consecutive ids.
  const std::uint64_t mixed = content.low ^ (parent.entry * 0x9E3779B97F4A7C15U);
  return static_cast<std::size_t>(mixed ^ (mixed >> 32)) & (buckets_.size() - 1);
}

}  // namespace monocle
