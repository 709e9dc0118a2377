// SPDX-License-Identifier: Apache-2.0
// One case of a reference directory: the texts, pictures and clips that its index.json names, as
// prompts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "monocle/request.h"
#include "open_model.h"

namespace monocle::app {

struct TraceCase {
  std::vector<Prompt> prompts;    // one per text
  std::vector<MediaItem> images;  // of all prompts, in the order the reference processed them
  std::vector<MediaItem> videos;
  std::vector<std::int64_t> logit_columns;
};

// `index` is the path of index.json; files are named relative to it.
Result<TraceCase> read_trace_case(const std::string& index, const std::string& name,
                                  const OpenedModel& model);

}  // namespace monocle::app
