// SPDX-License-Identifier: Apache-2.0
#include "engine/block_pool.h"

#include "base/check.h"

namespace monocle {

BlockPool::BlockPool(std::int32_t blocks) : blocks_(static_cast<std::size_t>(blocks)) {
  free_.reserve(blocks_.size());
  for (std::int32_t block = blocks - 1; block >= 0; --block) {
    free_.push_back(block);
  }
}

std::int32_t BlockPool::acquire() {
  std::int32_t block = oldest_;
  if (!free_.empty()) {
    block = free_.back();
    free_.pop_back();
  } else if (block >= 0) {
    remove_cached(block);
  } else {
    return -1;
  }
  at(block).references = 1;
  at(block).marked = false;
  return block;
}

void BlockPool::retain(std::int32_t block) {
  if (at(block).cached) {
    remove_cached(block);
  } else {
    MONOCLE_CHECK(at(block).references > 0);
  }
  ++at(block).references;
}

void BlockPool::release(std::int32_t block) {
  MONOCLE_CHECK(at(block).references > 0);
  if (--at(block).references > 0) {
    return;
  }
  if (at(block).marked) {
    append_cached(block);
  } else {
    free_.push_back(block);
  }
}

void BlockPool::mark(std::int32_t block) {
  MONOCLE_CHECK(at(block).references > 0);
  at(block).marked = true;
}

void BlockPool::append_cached(std::int32_t block) {
  at(block).cached = true;
  at(block).older = newest_;
  at(block).newer = -1;
  (newest_ >= 0 ? at(newest_).newer : oldest_) = block;
  newest_ = block;
  ++cached_;
}

void BlockPool::remove_cached(std::int32_t block) {
  const Block& gone = at(block);
  (gone.older >= 0 ? at(gone.older).newer : oldest_) = gone.newer;
  (gone.newer >= 0 ? at(gone.newer).older : newest_) = gone.older;
  at(block).cached = false;
  --cached_;
}

bool BlockPool::consistent() const {
  std::vector<int> seen(blocks_.size(), 0);
  for (const std::int32_t block : free_) {
    const auto index = static_cast<std::size_t>(block);
    if (blocks_[index].references != 0 || blocks_[index].cached || seen[index]++ != 0) {
      return false;
    }
  }
  std::int32_t listed = 0;
  for (std::int32_t block = oldest_; block >= 0; ++listed) {
    const auto index = static_cast<std::size_t>(block);
    if (!blocks_[index].cached || blocks_[index].references != 0 || seen[index]++ != 0) {
      return false;
    }
    block = blocks_[index].newer;
  }
  std::int32_t used = 0;
  for (std::size_t index = 0; index < blocks_.size(); ++index) {
    used += blocks_[index].references > 0 ? 1 : 0;
    if ((blocks_[index].references > 0) == (seen[index] != 0)) {
      return false;
    }
  }
  return listed == cached_ && used == used_count();
}

}  // namespace monocle
