// SPDX-License-Identifier: Apache-2.0
// One request's life in the engine, host integers only. Three counts say everything:
//   computed <= tokens.size() <= target
// computed: tokens whose keys and values are in the cache; tokens: prompt and generated; target:
// where it must stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "engine/media_pool.h"
#include "monocle/event.h"
#include "monocle/request.h"
#include "ops/args.h"

namespace monocle {

using Clock = std::chrono::steady_clock;

struct Sequence {
  RequestId id = 0;
  Request request;
  std::vector<std::int32_t> tokens;
  std::int64_t computed = 0;
  std::int64_t target = 0;
  std::vector<std::int32_t> blocks;      // block i holds tokens [i * block_tokens, ...)
  std::vector<MediaPool::Handle> media;  // one per prompt.media item, once admitted
  std::vector<TokenCount> seen;          // for penalties, kept only when one is on
  std::vector<LogitBias> bias;
  bool cancelled = false;
  bool paused = false;

  Clock::time_point submitted;
  Clock::time_point admitted;
  Clock::time_point first_token;
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
  [[nodiscard]] bool runnable() const { return !cancelled && !paused; }
  [[nodiscard]] bool decoding() const { return pending() == 1 && generated() > 0; }
};

}  // namespace monocle
