// SPDX-License-Identifier: Apache-2.0
// What the engine counted since it started and what it holds now: plain numbers, copied between two
// steps. kv_blocks: total = free + cached + used.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace monocle {

// FinishReason values, kNone included.
inline constexpr std::size_t kFinishReasons = 5;
// Bucket i of a histogram of step sizes holds steps of at most 2^i tokens (and more than 2^(i-1)).
// The last bucket holds all larger ones.
inline constexpr std::size_t kStepBuckets = 14;

struct EngineStats {
  // Now.
  std::int64_t waiting = 0;
  std::int64_t running = 0;
  std::int64_t paused = 0;  // part of waiting and running
  std::int32_t kv_blocks_total = 0;
  std::int32_t kv_blocks_used = 0;    // referenced by running requests
  std::int32_t kv_blocks_cached = 0;  // kept for later prefixes, given up when blocks are needed
  bool healthy = true;  // false: a device error ended every request; restart the process

  // Since the start.
  std::int64_t steps = 0;
  std::int64_t prompt_tokens = 0;  // of requests whose first token is out, cached ones included
  std::int64_t generation_tokens = 0;
  std::int64_t preemptions = 0;
  std::int64_t prefix_query_tokens = 0;  // prompt tokens looked up in the prefix cache
  std::int64_t prefix_hit_tokens = 0;
  std::int64_t media_queries = 0;  // pictures a request needed encoded
  std::int64_t media_hits = 0;     // of these: found in the media pool
  std::int64_t draft_tokens = 0;   // proposed by prompt lookup
  std::int64_t draft_accepted = 0;
  std::array<std::int64_t, kFinishReasons> finished{};  // by FinishReason
  std::array<std::int64_t, kStepBuckets> step_sizes{};
  std::int64_t step_tokens = 0;  // sum over all steps

  // The two side by side: healthy if one of them is.
  EngineStats& operator+=(const EngineStats& other);
};

}  // namespace monocle
