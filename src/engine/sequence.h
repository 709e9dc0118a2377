// SPDX-License-Identifier: Apache-2.0
// One request's life in the engine, host integers only. Three counts say everything:
//   computed <= tokens.size() <= target
// computed: tokens whose keys and values are in the cache; tokens: prompt and generated; target:
// where it must stop. A preempted sequence starts again from computed = 0 with all its tokens.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "engine/media_pool.h"
#include "engine/prefix_cache.h"
#include "monocle/event.h"
#include "monocle/request.h"
#include "ops/args.h"

namespace monocle {

using Clock = std::chrono::steady_clock;

inline double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

// A sequence's part of the KV cache; only KvLedger changes it.
struct SequenceBlocks {
  std::vector<std::int32_t> table;  // block i holds tokens [i * block_tokens, ...); -1: given back
  std::vector<Hash128> content;     // of full blocks, the prompt's first; grows with the answer
  PrefixCache::Place place;         // behind the blocks that are in the prefix cache
  std::int64_t recorded = 0;        // blocks that `place` covers
  std::int64_t passed = 0;          // blocks before this one are sinks or given back
};

struct Sequence {
  RequestId id = 0;
  Request request;
  std::vector<std::int32_t> tokens;
  std::int64_t computed = 0;
  std::int64_t target = 0;
  SequenceBlocks kv;
  std::vector<MediaPool::Handle> media;  // one per prompt.media item; entry -1: not held
  std::vector<std::int32_t> draft;       // guesses behind `tokens` that the planned step verifies
  std::vector<TokenCount> seen;          // for penalties, ascending by id
  std::vector<LogitBias> bias;
  bool cancelled = false;
  bool paused = false;
  bool running = false;           // has memory; else it waits
  std::int32_t overtaken = 0;     // times a later request was admitted first
  std::int32_t draft_wait = 0;    // steps without guesses after bad ones
  std::int32_t draft_misses = 0;  // guesses in a row of which none was right

  Clock::time_point submitted;
  Clock::time_point admitted;
  Clock::time_point first_token;
  std::int64_t cached_tokens = 0;  // prompt tokens found in the prefix cache when first admitted
  RequestTiming timing;

  [[nodiscard]] std::int64_t prompt_tokens() const {
    return static_cast<std::int64_t>(request.prompt.token_ids.size());
  }
  [[nodiscard]] std::int64_t generated() const {
    return static_cast<std::int64_t>(tokens.size()) - prompt_tokens();
  }
  // Tokens still to run through the model before the next one can be sampled.
  [[nodiscard]] std::int64_t pending() const {
    return static_cast<std::int64_t>(tokens.size()) - computed;
  }
  [[nodiscard]] bool runnable() const { return running && !cancelled && !paused; }
  // The prompt is computed; tokens of the answer follow, one at a time.
  [[nodiscard]] bool answering() const { return computed >= prompt_tokens(); }
  [[nodiscard]] std::int64_t unread() const { return prompt_tokens() - computed; }
  // Smaller priority first, then order of arrival.
  [[nodiscard]] bool before(const Sequence& other) const {
    return request.priority != other.request.priority ? request.priority < other.request.priority
                                                      : id < other.id;
  }
};

}  // namespace monocle
