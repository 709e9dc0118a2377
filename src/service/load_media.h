// SPDX-License-Identifier: Apache-2.0
// The pictures and videos of a conversation, decoded and cut into patches within the request's and
// the server's budgets. Any thread; takes as long as the pictures take.
#pragma once

#include <cstdint>
#include <vector>

#include "api/tokenize_format.h"
#include "api/types.h"
#include "model/qwen3_vl/prompt.h"
#include "service/served.h"

namespace monocle::service {

struct LoadedMedia {
  qwen3_vl::PromptMedia media;
  std::vector<api::EstimatedImage> images;
  std::int64_t video_tokens = 0;
};

// How much is wanted: an estimate needs the sizes only, and takes no pixel memory.
enum class MediaUse : std::uint8_t { kFull, kSizes };

api::ApiResult<LoadedMedia> load_media(const Served& served, const api::ChatRequest& request,
                                       MediaUse use);

}  // namespace monocle::service
