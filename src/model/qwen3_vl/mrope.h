// SPDX-License-Identifier: Apache-2.0
// Positions of a multimodal prompt. Each token has three coordinates (t, h, w); for text all are
// equal. A picture's tokens share t and spread h and w over the merged grid; the next token
// continues after the longer side, so a prompt's positions run behind its token count by -delta.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/media_rows.h"

namespace monocle::qwen3_vl {

// A run of media tokens in a prompt: one image, or one frame group of a video (frame groups are
// separated by their timestamp text and are laid out like images of their own).
struct MediaRun {
  std::int64_t offset = 0;  // first token
  std::int32_t grid_h = 0;  // patches
  std::int32_t grid_w = 0;
};

struct RopePositions {
  std::vector<std::int32_t> axes;  // [3, n]
  std::int32_t delta = 0;          // decode: the token at index p has t = h = w = p + delta
};

// runs ascend by offset and do not overlap; each covers grid_h * grid_w / merge² tokens inside [0,
// tokens).
Result<RopePositions> rope_positions(std::int64_t tokens, std::span<const MediaRun> runs,
                                     std::int32_t merge);

}  // namespace monocle::qwen3_vl
