// SPDX-License-Identifier: Apache-2.0
#include "engine/media_pool.h"

#include <algorithm>

#include "base/check.h"

namespace monocle {

std::optional<MediaPool::Handle> MediaPool::acquire(const Hash128& hash, std::int64_t count) {
  MONOCLE_CHECK(count > 0);
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (entry.count == count && entry.hash == hash) {
      ++entry.users;
      entry.last_use = ++clock_;
      return Handle{static_cast<std::int32_t>(i), entry.first_row};
    }
  }
  if (count > rows_) {
    return std::nullopt;
  }
  std::optional<std::int64_t> gap = find_gap(count);
  while (!gap && evict_oldest()) {
    gap = find_gap(count);
  }
  if (!gap) {
    return std::nullopt;
  }
  const std::size_t slot = unused_slot();
  entries_[slot] = {hash, *gap, count, 1, false, 0, ++clock_};
  return Handle{static_cast<std::int32_t>(slot), *gap};
}

void MediaPool::release(const Handle& handle) {
  Entry& entry = entries_[static_cast<std::size_t>(handle.entry)];
  MONOCLE_CHECK(entry.users > 0);
  if (--entry.users == 0 && !entry.encoded) {
    entry.count = 0;  // cancelled before it was computed: nothing to keep
  }
}

bool MediaPool::encoded(const Handle& handle) const {
  return entries_[static_cast<std::size_t>(handle.entry)].encoded;
}

void MediaPool::mark_encoded(const Handle& handle) {
  entries_[static_cast<std::size_t>(handle.entry)].encoded = true;
}

std::int32_t MediaPool::layers(const Handle& handle) const {
  return entries_[static_cast<std::size_t>(handle.entry)].layers;
}

void MediaPool::note_layers(const Handle& handle, std::int32_t layers) {
  entries_[static_cast<std::size_t>(handle.entry)].layers = layers;
}

std::int64_t MediaPool::pinned_rows() const {
  std::int64_t total = 0;
  for (const Entry& entry : entries_) {
    total += entry.users > 0 ? entry.count : 0;
  }
  return total;
}

// First fit over the live entries in row order. There are at most a few hundred.
std::optional<std::int64_t> MediaPool::find_gap(std::int64_t count) const {
  std::vector<const Entry*> live;
  for (const Entry& entry : entries_) {
    if (entry.count > 0) {
      live.push_back(&entry);
    }
  }
  std::ranges::sort(live, {}, [](const Entry* entry) { return entry->first_row; });
  std::int64_t at = 0;
  for (const Entry* entry : live) {
    if (entry->first_row - at >= count) {
      return at;
    }
    at = entry->first_row + entry->count;
  }
  return rows_ - at >= count ? std::optional(at) : std::nullopt;
}

bool MediaPool::evict_oldest() {
  Entry* oldest = nullptr;
  for (Entry& entry : entries_) {
    if (entry.count > 0 && entry.users == 0 &&
        (oldest == nullptr || entry.last_use < oldest->last_use)) {
      oldest = &entry;
    }
  }
  if (oldest == nullptr) {
    return false;
  }
  oldest->count = 0;
  return true;
}

std::size_t MediaPool::unused_slot() {
  const auto unused =
      std::ranges::find_if(entries_, [](const Entry& entry) { return entry.count == 0; });
  if (unused != entries_.end()) {
    return static_cast<std::size_t>(unused - entries_.begin());
  }
  entries_.emplace_back();
  return entries_.size() - 1;
}

}  // namespace monocle
