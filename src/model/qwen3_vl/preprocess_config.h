// SPDX-License-Identifier: Apache-2.0
// preprocessor_config.json and video_preprocessor_config.json as structs. What the files ask for
// and we do not do is refused by name. Plain values, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace monocle::qwen3_vl {

// Areas in pixels (the files call them edges): of one image, or of all frames of a video together.
struct PixelLimits {
  std::int64_t min_pixels = 0;
  std::int64_t max_pixels = 0;
};

// Which of the two reference processors to equal bit by bit. A choice of the caller, not of the
// file.
enum class PreprocessForm : std::uint8_t { kTorchvision, kPillow, kPillow13 };

struct PreprocessConfig {
  std::int32_t patch_size = 0;
  std::int32_t temporal_patch_size = 0;
  std::int32_t merge_size = 0;
  PixelLimits pixels;
  std::array<double, 3> mean{};  // of values in 0..1
  std::array<double, 3> std{};
  PreprocessForm form = PreprocessForm::kTorchvision;

  // Sides of the resized picture are multiples of this.
  [[nodiscard]] std::int32_t factor() const { return patch_size * merge_size; }
};

struct VideoConfig {
  PreprocessConfig frame;  // pixels: over all frames
  double fps = 2.0;        // sampling rate
  std::int32_t min_frames = 4;
  std::int32_t max_frames = 768;
  bool cap_pixels_per_frame = false;  // bound each frame too, so that short clips stay cheap
  std::int32_t max_frame_tokens = 768;
};

Result<PreprocessConfig> parse_preprocess_config(std::string_view json);
Result<VideoConfig> parse_video_config(std::string_view json);

// 1 <= min_pixels <= max_pixels <= 2^30; factor^2 <= max_pixels.
Status check_pixel_limits(const PixelLimits& limits, std::int32_t factor);

}  // namespace monocle::qwen3_vl
