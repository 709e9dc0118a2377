// SPDX-License-Identifier: Apache-2.0
// From what a client asked to what the engine takes: pictures decoded and cut into patches,
// messages to tokens and positions, defaults filled in, lengths checked. Any thread; takes as long
// as the pictures take.
#pragma once

#include <vector>

#include "api/tokenize_format.h"
#include "api/types.h"
#include "monocle/request.h"
#include "service/served.h"

namespace monocle::service {

struct Prepared {
  Request request;  // all but matcher, priority and cache salt
  std::vector<api::EstimatedImage> images;
  double media_ms = 0;
};

// How much of the pictures is wanted: an estimate needs their sizes only, and takes no pixel
// memory.
enum class MediaUse : std::uint8_t { kFull, kSizes };

api::ApiResult<Prepared> prepare_chat(const Served& served, const api::ChatRequest& request,
                                      MediaUse use);

// One prompt of the text dialect.
api::ApiResult<Prepared> prepare_text(const Served& served, const api::TextInput& input,
                                      const api::Generation& generation);

// Fills max_tokens from the wishes and refuses what does not fit into the context.
api::ApiResult<void> fit_context(const Served& served, const api::Generation& generation,
                                 Request& request);

}  // namespace monocle::service
