// SPDX-License-Identifier: Apache-2.0
// Accounting of the paged KV cache: which blocks are free and how many sequences share each used
// one. Holds no keys and values and touches no device.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace monocle {

class BlockPool {
 public:
  explicit BlockPool(std::int32_t blocks);

  [[nodiscard]] std::int32_t total() const { return static_cast<std::int32_t>(references_.size()); }
  [[nodiscard]] std::int32_t free_count() const { return static_cast<std::int32_t>(free_.size()); }
  [[nodiscard]] std::int32_t used_count() const { return total() - free_count(); }

  // A block with one reference, or -1 when none is free.
  std::int32_t acquire();
  void retain(std::int32_t block);
  // Drops one reference; the block is free when the last is gone.
  void release(std::int32_t block);
  void release(std::span<const std::int32_t> blocks);

  // True when every block is either free exactly once with no references, or used with at least
  // one.
  [[nodiscard]] bool consistent() const;

 private:
  std::vector<std::int32_t> references_;  // [total] 0 = free
  std::vector<std::int32_t>
      free_;  // a stack: the block freed last is used next, while it is warm in cache
};

}  // namespace monocle
