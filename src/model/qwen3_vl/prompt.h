// SPDX-License-Identifier: Apache-2.0
// Chat segments and patches to the prompt the engine takes: placeholders become as many pad tokens
// as the medium has rows, videos get their timestamps, positions follow the grids. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "model/qwen3_vl/config.h"
#include "monocle/media.h"
#include "monocle/request.h"
#include "text/bpe.h"
#include "text/chat_template.h"

namespace monocle::qwen3_vl {

struct VideoInput {
  std::shared_ptr<const Patches> patches;
  std::vector<double> seconds;  // [grid.t] time of each frame group
};

struct PromptMedia {
  std::vector<std::shared_ptr<const Patches>> images;
  // Of the files that the images were made from, all by the same settings: reading a file again is
  // a thousandth of reading its patches. Empty: the patches are read.
  std::vector<Hash128> image_files;
  std::vector<VideoInput> videos;
};

struct PromptOptions {
  // Newer releases of the reference keep a vision_start/vision_end pair around all frame groups of
  // a video; the form the model was released with has only the pairs of the groups.
  bool video_outer_markers = false;
};

// The control tokens a prompt is made of exist in the vocabulary with the ids that config.json
// names.
Status check_prompt_tokens(const Config& config, const Tokenizer& tokenizer);

// Image and video segments take media.images and media.videos by their index; every medium must be
// used.
Result<Prompt> build_prompt(const Config& config, const Tokenizer& tokenizer,
                            std::span<const ChatSegment> segments, const PromptMedia& media,
                            const PromptOptions& options);

}  // namespace monocle::qwen3_vl
