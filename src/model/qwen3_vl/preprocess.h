// SPDX-License-Identifier: Apache-2.0
// Pixels -> what the vision tower eats. Rows go frame group by frame group, inside it merge block
// by merge block (each merge x merge patches, row by row); columns are [channel, temporal slot,
// patch row, patch column]. Bit-exact with the reference processor of config.form. Any thread;
// `pool` may be null and does not change results.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "media/image.h"
#include "model/qwen3_vl/preprocess_config.h"
#include "monocle/media.h"

namespace monocle::qwen3_vl {

// config.pixels holds for this picture: a per-image override is a copy of the config with other
// limits.
Result<Patches> preprocess_image(const Image& image, const PreprocessConfig& config,
                                 ThreadPool* pool);
// The same into memory that is already there; it grows where it is too small.
Result<Patches> preprocess_image(const Image& image, const PreprocessConfig& config,
                                 ThreadPool* pool, std::vector<std::uint8_t> storage);

// frames: as sampled, all of one size. A single frame is doubled first; an incomplete last group
// repeats the last frame.
Result<Patches> preprocess_video(std::span<const Image> frames, const VideoConfig& config,
                                 ThreadPool* pool);

// A video whose frames are made one after another, so that only one is held: frame(0) to
// frame(count - 1), each once; all must be of `source`'s size.
struct FrameSource {
  std::int64_t count = 0;
  Size2d source;
  FunctionRef<Result<Image>(std::int64_t)> frame;
};
Result<Patches> preprocess_video(const FrameSource& frames, const VideoConfig& config,
                                 ThreadPool* pool, std::vector<std::uint8_t> storage);
// What such a video becomes, without its pixels.
Result<GridThw> video_grid(std::int64_t frames, Size2d source, const VideoConfig& config);

// The patches as the reference's processor gives them: [grid.patches(), channels * temporal * patch
// * patch].
std::vector<float> patch_values(const Patches& patches, std::int32_t temporal);

}  // namespace monocle::qwen3_vl
