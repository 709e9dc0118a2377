// SPDX-License-Identifier: Apache-2.0
// The arithmetic before any pixel is touched: target sizes, which video frames are used and what
// their timestamps say. Pure functions in double precision, in the reference's order of operations;
// rounding is half to even.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "media/image.h"
#include "model/qwen3_vl/preprocess_config.h"

namespace monocle::qwen3_vl {

// Multiples of `factor` near the source's aspect ratio with an area inside the limits.
Result<Size2d> smart_resize(Size2d source, std::int32_t factor, const PixelLimits& limits);

// The same for one frame of a video of `frames` sampled frames (before padding); limits hold for
// all together.
Result<Size2d> smart_resize_video(std::int64_t frames, Size2d source, const VideoConfig& config);

// Frame numbers out of 0..total-1, ascending. source_fps: of the file. num_frames: exactly so many
// instead of config.fps, at most `total`.
Result<std::vector<std::int64_t>> sample_frames(std::int64_t total, double source_fps,
                                                const VideoConfig& config,
                                                std::optional<std::int64_t> num_frames);

// Seconds of each group of `temporal` frames: the middle between its first and last. indices: as
// sampled; an incomplete last group repeats its last frame. source_fps: of the file, never the
// sampling rate.
std::vector<double> group_seconds(std::span<const std::int64_t> indices, double source_fps,
                                  std::int32_t temporal);
// Seconds of frames that were taken at a steady rate, from 0.
std::vector<double> steady_seconds(std::int64_t frames, double fps);
// Seconds of each group where the time of each frame is known.
std::vector<double> group_seconds(std::span<const double> frame_seconds, std::int32_t temporal);

// "<1.5 seconds>", rounded as C's printf does.
std::string timestamp_text(double seconds);

}  // namespace monocle::qwen3_vl
