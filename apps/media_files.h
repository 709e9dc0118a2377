// SPDX-License-Identifier: Apache-2.0
// Pictures and clips of the command line as the model takes them.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "model/qwen3_vl/prompt.h"
#include "open_model.h"

namespace monocle::app {

struct MediaOptions {
  std::optional<std::int64_t> min_pixels, max_pixels;  // of a picture
  std::optional<double> fps;  // of a clip's frames; the model's training rate when absent
};

Result<std::shared_ptr<const Patches>> load_picture(const std::string& path,
                                                    const OpenedModel& model,
                                                    const MediaOptions& options);

// folder: the frames as pictures of one size, in the order of their names; hidden files are left
// out.
Result<qwen3_vl::VideoInput> load_clip(const std::string& folder, const OpenedModel& model,
                                       const MediaOptions& options);

}  // namespace monocle::app
