// SPDX-License-Identifier: Apache-2.0
// From what a client asked to what the engine takes: media loaded, messages to tokens and
// positions, defaults filled in, lengths checked. Any thread; takes as long as the pictures take.
#pragma once

#include <vector>

#include "api/tokenize_format.h"
#include "api/types.h"
#include "monocle/request.h"
#include "service/load_media.h"
#include "service/served.h"

namespace monocle::service {

struct Prepared {
  Request request;  // all but matcher, priority and cache salt
  std::vector<api::EstimatedImage> images;
  std::int64_t video_tokens = 0;
  double media_ms = 0;
};

api::ApiResult<Prepared> prepare_chat(const Served& served, const api::ChatRequest& request,
                                      MediaUse use);

// One prompt of the text dialect.
api::ApiResult<Prepared> prepare_text(const Served& served, const api::TextInput& input,
                                      const api::Generation& generation);

// Fills max_tokens from the wishes and refuses what does not fit into the context.
api::ApiResult<void> fit_context(const Served& served, const api::Generation& generation,
                                 Request& request);

}  // namespace monocle::service
