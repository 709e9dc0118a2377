// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/embeddings -> EmbeddingRequest: `input` as OpenAI has it, or `messages` as a
// chat has them, pictures included, for one embedding of the conversation. Pure; any thread.
#pragma once

#include <string_view>

#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

ApiResult<EmbeddingRequest> parse_embedding(std::string_view body, const ParseLimits& limits);

}  // namespace monocle::api
