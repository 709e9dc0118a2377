// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_stats.h"

namespace monocle {

EngineStats& EngineStats::operator+=(const EngineStats& other) {
  waiting += other.waiting;
  running += other.running;
  paused += other.paused;
  kv_blocks_total += other.kv_blocks_total;
  kv_blocks_used += other.kv_blocks_used;
  kv_blocks_cached += other.kv_blocks_cached;
  healthy = healthy || other.healthy;
  steps += other.steps;
  prompt_tokens += other.prompt_tokens;
  generation_tokens += other.generation_tokens;
  preemptions += other.preemptions;
  prefix_query_tokens += other.prefix_query_tokens;
  prefix_hit_tokens += other.prefix_hit_tokens;
  media_queries += other.media_queries;
  media_hits += other.media_hits;
  draft_tokens += other.draft_tokens;
  draft_accepted += other.draft_accepted;
  for (std::size_t i = 0; i < finished.size(); ++i) {
    finished[i] += other.finished[i];
  }
  for (std::size_t i = 0; i < step_sizes.size(); ++i) {
    step_sizes[i] += other.step_sizes[i];
  }
  step_tokens += other.step_tokens;
  return *this;
}

}  // namespace monocle
