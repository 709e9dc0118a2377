// SPDX-License-Identifier: Apache-2.0
// Accounting of the paged KV cache. A block is free, used (by one or more sequences) or cached:
// kept with its contents for a later request with the same prefix until somebody needs the room.
// Holds no keys and values and touches no device. free + cached + used == total at any moment.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace monocle {

class BlockPool {
 public:
  explicit BlockPool(std::int32_t blocks);

  [[nodiscard]] std::int32_t total() const { return static_cast<std::int32_t>(blocks_.size()); }
  [[nodiscard]] std::int32_t free_count() const { return static_cast<std::int32_t>(free_.size()); }
  [[nodiscard]] std::int32_t cached_count() const { return cached_; }
  [[nodiscard]] std::int32_t used_count() const { return total() - free_count() - cached_; }
  // Blocks that acquire() can hand out.
  [[nodiscard]] std::int32_t available() const { return free_count() + cached_; }

  // A block with one reference: a free one, else the cached one that nobody used for longest. -1
  // when every block is used. Its old contents are gone: whoever remembers them must forget.
  std::int32_t acquire();
  // One more reference to a used or cached block.
  void retain(std::int32_t block);
  // Drops one reference; after the last the block is free, or cached if it was marked.
  void release(std::int32_t block);
  // The contents of this used block are worth keeping.
  void mark(std::int32_t block);

  // Every block is in exactly one of the three states, and the lists agree with the counts.
  [[nodiscard]] bool consistent() const;

 private:
  struct Block {
    std::int32_t references = 0;
    bool marked = false;
    bool cached = false;
    std::int32_t older = -1;  // neighbours in the list of cached blocks
    std::int32_t newer = -1;
  };
  [[nodiscard]] Block& at(std::int32_t block) { return blocks_[static_cast<std::size_t>(block)]; }
  void append_cached(std::int32_t block);
  void remove_cached(std::int32_t block);

  std::vector<Block> blocks_;  // [total]
  // A stack: the block freed last is used next, while it is warm in the processor's cache.
  std::vector<std::int32_t> free_;
  std::int32_t cached_ = 0;
  std::int32_t oldest_ = -1;
  std::int32_t newest_ = -1;
};

}  // namespace monocle
