// SPDX-License-Identifier: Apache-2.0
#include "engine/block_pool.h"

#include <algorithm>

#include "base/check.h"

namespace monocle {

BlockPool::BlockPool(std::int32_t blocks) : references_(static_cast<std::size_t>(blocks), 0) {
  free_.reserve(references_.size());
  for (std::int32_t block = blocks - 1; block >= 0; --block) {
    free_.push_back(block);
  }
}

std::int32_t BlockPool::acquire() {
  if (free_.empty()) {
    return -1;
  }
  const std::int32_t block = free_.back();
  free_.pop_back();
  references_[static_cast<std::size_t>(block)] = 1;
  return block;
}

void BlockPool::retain(std::int32_t block) {
  std::int32_t& references = references_[static_cast<std::size_t>(block)];
  MONOCLE_CHECK(references > 0);
  ++references;
}

void BlockPool::release(std::int32_t block) {
  std::int32_t& references = references_[static_cast<std::size_t>(block)];
  MONOCLE_CHECK(references > 0);
  if (--references == 0) {
    free_.push_back(block);
  }
}

void BlockPool::release(std::span<const std::int32_t> blocks) {
  for (const std::int32_t block : blocks) {
    if (block >= 0) {  // -1: given back earlier, behind the attention window
      release(block);
    }
  }
}

bool BlockPool::consistent() const {
  std::vector<bool> is_free(references_.size(), false);
  for (const std::int32_t block : free_) {
    const auto index = static_cast<std::size_t>(block);
    if (is_free[index] || references_[index] != 0) {
      return false;
    }
    is_free[index] = true;
  }
  return std::ranges::count_if(references_, [](std::int32_t count) { return count > 0; }) ==
         used_count();
}

}  // namespace monocle
