// SPDX-License-Identifier: Apache-2.0
// One generation request as the engine takes it: token ids with positions and media, how to sample,
// when to stop. Plain values; the engine takes ownership on submit.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "monocle/media.h"

namespace monocle {

class TokenMatcher;  // grammar/token_matcher.h

struct MediaItem {
  std::shared_ptr<const Patches> patches;
  std::uint64_t hash_low = 0;  // content hash of patches and grid: equal hashes share one encoding
  std::uint64_t hash_high = 0;
};

// A run of media tokens: prompt tokens [offset, offset + count) take rows [first_row, first_row +
// count) of `item`.
struct MediaSpan {
  std::int64_t offset = 0;
  std::int64_t count = 0;
  std::int32_t item = 0;
  std::int64_t first_row = 0;
};

struct Prompt {
  std::vector<std::int32_t> token_ids;  // [n]
  std::vector<std::int32_t> positions;  // [3, n]
  std::int32_t position_delta =
      0;  // a generated token at index p has position p + delta on all three axes
  std::vector<MediaItem> media;
  std::vector<MediaSpan> spans;  // ascending by offset
};

struct LogitBiasEntry {
  std::int32_t token_id = 0;
  float bias = 0.0F;
};

struct SamplingParams {
  float temperature = 0.0F;  // 0 = greedy
  std::int32_t top_k = 0;    // 0 = off
  float top_p = 1.0F;
  float min_p = 0.0F;
  float repetition_penalty = 1.0F;
  float presence_penalty = 0.0F;
  float frequency_penalty = 0.0F;
  std::vector<LogitBiasEntry> logit_bias;
  std::uint64_t seed = 0;
  std::int32_t top_logprobs = 0;  // alternatives reported per token, at most 20
};

struct Request {
  Prompt prompt;
  SamplingParams sampling;
  std::int32_t max_tokens = 1024;
  std::vector<std::int32_t>
      stop_token_ids;  // end of turn and the like; the stop token itself is reported
  std::shared_ptr<TokenMatcher> matcher;  // restricts the answer; null = free text
  std::int32_t priority = 0;              // smaller runs first; equal ones in order of arrival
  std::uint64_t cache_salt = 0;  // prefixes are shared between requests of the same salt only
  bool use_prefix_cache = true;
  bool use_draft = true;  // guess ahead where the engine does; the text is the same
  // No answer: the terminal event, the only one, carries the state of the prompt's last token.
  // Sampling, max_tokens, stop tokens and matcher mean nothing then.
  bool embed = false;
};

}  // namespace monocle
