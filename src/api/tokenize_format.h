// SPDX-License-Identifier: Apache-2.0
// Replies of /tokenize, /detokenize and /v1/estimate. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace monocle::api {

struct TokenizeReply {
  std::vector<std::int32_t> tokens;
  std::int64_t max_model_len = 0;
  std::int64_t image_tokens = 0;
  std::int64_t video_tokens = 0;
  std::vector<std::string> token_strs;  // reported when asked for: as long as `tokens`
};

struct EstimatedImage {
  std::int32_t width = 0, height = 0;            // as the picture is looked at
  std::int32_t sent_width = 0, sent_height = 0;  // as the model gets it
  std::int64_t tokens = 0;
};

struct Estimate {
  std::int64_t prompt_tokens = 0;
  std::int64_t image_tokens = 0;
  std::int64_t video_tokens = 0;
  std::vector<EstimatedImage> images;
  std::int64_t kv_bytes = 0;
  double vision_ms = 0, prefill_ms = 0, decode_per_token_ms = 0;
  std::int64_t max_model_len = 0;
  bool fits = true;
};

std::string format_tokenize(const TokenizeReply& reply);
std::string format_detokenize(std::string_view prompt);
std::string format_estimate(const Estimate& estimate);

}  // namespace monocle::api
