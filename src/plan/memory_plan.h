// SPDX-License-Identifier: Apache-2.0
// The memory of one device, divided before any of it is taken: what the model must have, and as
// many blocks of keys and values as are wanted and fit. Pure; all sizes in bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace monocle {

// What must be there whatever the load.
struct MemoryNeeds {
  std::size_t weights = 0;
  std::size_t workspace = 0;  // intermediate tensors of the largest step and picture
  std::size_t logits = 0;
  std::size_t media = 0;              // encoded pictures
  std::size_t recordings = 0;         // of launch sequences, and the kernels' code
  std::size_t kv_block = 0;           // keys and values of one block, all layers
  std::int64_t kv_blocks_least = 0;   // one request of the longest length
  std::int64_t kv_blocks_wanted = 0;  // more would never be used
  std::int64_t block_tokens = 16;

  [[nodiscard]] std::size_t fixed() const {
    return weights + workspace + logits + media + recordings;
  }
};

struct MemoryBudget {
  std::size_t total = 0;    // of the device
  std::size_t free = 0;     // now
  std::size_t context = 0;  // held already: the device's context, and other programs
  std::size_t limit = 0;    // of the device's memory in use in the end
};

// --gpu-memory and --memory: "6G", "5500M", "1048576" or a share of the total, "0.9". An empty text
// is the share `fallback`.
Result<std::size_t> parse_memory_limit(const std::string& text, std::size_t total, double fallback);

struct MemoryPlan {
  MemoryNeeds needs;
  std::size_t context = 0;
  std::size_t limit = 0;
  std::int64_t kv_blocks = 0;

  [[nodiscard]] std::size_t kv() const {
    return static_cast<std::size_t>(kv_blocks) * needs.kv_block;
  }
  // What the program allocates itself, and what the device will hold in the end.
  [[nodiscard]] std::size_t to_allocate() const { return needs.fixed() - needs.recordings + kv(); }
  [[nodiscard]] std::size_t total() const { return context + needs.fixed() + kv(); }
  // One line per part and their sum.
  struct Line {
    std::string name;
    std::size_t bytes = 0;
  };
  [[nodiscard]] std::vector<Line> lines() const;
};

// kTooLarge: the least does not fit; the message says what is needed and which numbers to lower.
Result<MemoryPlan> plan_memory(const MemoryNeeds& needs, const MemoryBudget& budget);

}  // namespace monocle
