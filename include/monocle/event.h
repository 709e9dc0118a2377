// SPDX-License-Identifier: Apache-2.0
// What comes back from the engine. Every request ends in exactly one event whose finish is not
// kNone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace monocle {

using RequestId = std::uint64_t;

enum class FinishReason : std::uint8_t {
  kNone,       // more to come
  kStop,       // a stop token
  kLength,     // max_tokens or the model's context length
  kCancelled,  // cancel() was called
  kError,      // see TokenEvent::error
};

struct TokenAlternative {
  std::int32_t token_id = 0;
  float logprob = 0.0F;
};

struct RequestUsage {
  std::int64_t prompt_tokens = 0;
  std::int64_t media_tokens = 0;   // part of prompt_tokens
  std::int64_t cached_tokens = 0;  // part of prompt_tokens that the prefix cache had
  std::int64_t completion_tokens = 0;
};

// Wall time of the request's phases. vision and prefill count whole steps the request took part in.
struct RequestTiming {
  double queue_ms = 0;
  double vision_ms = 0;
  double prefill_ms = 0;
  double first_token_ms = 0;  // from submit
  double decode_ms = 0;       // from the first token to the last
};

struct TokenEvent {
  RequestId request = 0;
  std::int32_t token_id = -1;  // -1 on a terminal event that carries no token
  float logprob = 0.0F;
  std::vector<TokenAlternative> alternatives;
  FinishReason finish = FinishReason::kNone;
  std::string error;             // with kError
  RequestUsage usage;            // with a terminal event
  RequestTiming timing;          // with a terminal event
  std::vector<float> embedding;  // [hidden] with the terminal event of a request with `embed`
};

}  // namespace monocle
