// SPDX-License-Identifier: Apache-2.0
// Encoded media by content hash: ranges of rows of one MediaRows. A range in use is pinned; an
// unused one stays, so that the next question about the same picture skips the vision tower, until
// its rows are needed. Accounting only.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/hash.h"

namespace monocle {

class MediaPool {
 public:
  struct Handle {
    std::int32_t entry = -1;
    std::int64_t first_row = 0;
  };

  explicit MediaPool(std::int64_t rows) : rows_(rows) {}

  [[nodiscard]] std::int64_t rows() const { return rows_; }

  // Pins the rows of this content, evicting unused content (least recently used first) when there
  // is no gap. nullopt: pinned content leaves no gap of `count` rows.
  std::optional<Handle> acquire(const Hash128& hash, std::int64_t count);
  void release(const Handle& handle);

  // Whether the rows have been computed. The first user marks them after encoding.
  [[nodiscard]] bool encoded(const Handle& handle) const;
  void mark_encoded(const Handle& handle);
  // Until then: layers of the vision tower that this content has passed. 0 for new content.
  [[nodiscard]] std::int32_t layers(const Handle& handle) const;
  void note_layers(const Handle& handle, std::int32_t layers);

  [[nodiscard]] std::int64_t pinned_rows() const;

 private:
  struct Entry {
    Hash128 hash;
    std::int64_t first_row = 0;
    std::int64_t count = 0;  // 0 = the slot is unused
    std::int32_t users = 0;
    bool encoded = false;
    std::int32_t layers = 0;
    std::uint64_t last_use = 0;
  };
  [[nodiscard]] std::optional<std::int64_t> find_gap(std::int64_t count) const;
  bool evict_oldest();
  std::size_t unused_slot();

  std::int64_t rows_;
  std::vector<Entry> entries_;
  std::uint64_t clock_ = 0;
};

}  // namespace monocle
