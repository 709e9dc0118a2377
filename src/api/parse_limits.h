// SPDX-License-Identifier: Apache-2.0
// Every bound that a request body is held to, in one place. Plain values, set once at start.
#pragma once

#include <cstddef>
#include <cstdint>

namespace monocle::api {

struct ParseLimits {
  std::int64_t vocab_size =
      0;  // bounds token ids in a request; 0 = only that they are not negative
  std::size_t max_messages = 4096;
  std::size_t max_images = 64;
  std::size_t max_image_bytes = std::size_t{64} << 20;  // encoded, after base64
  std::size_t max_videos = 8;
  std::size_t max_video_frames = 768;  // what the published processor takes at most
  std::size_t max_video_bytes = std::size_t{64} << 20;  // all frames of one video, after base64
  std::size_t max_tools = 128;
  std::size_t max_schema_bytes = std::size_t{256} << 10;  // JSON schema, grammar or expression
  std::size_t max_choices = 1024;                         // guided_choice
  std::size_t max_prompts = 64;                           // /v1/completions
  std::size_t max_inputs = 2048;                          // /v1/embeddings
  std::int64_t low_detail_pixels = 512 * 512;             // detail: "low"
  std::int64_t high_detail_pixels = 0;  // detail: "high"; 0 = the model's own maximum
};

constexpr double kMinFps = 0.001;
constexpr double kMaxFps = 1000;
constexpr std::int32_t kMaxAnswers = 16;      // n
constexpr std::int32_t kMaxTopLogprobs = 20;  // top_logprobs
constexpr std::size_t kMaxLogitBias = 1024;   // entries
constexpr std::int64_t kMaxDimensions = 1 << 20;
constexpr std::size_t kMaxStopIds = 64;       // stop_token_ids
constexpr std::size_t kMaxRequestDepth = 64;  // nesting of the JSON text

}  // namespace monocle::api
