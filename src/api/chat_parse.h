// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/chat/completions (and of /v1/estimate, which takes the same) -> ChatRequest.
// Fields that are not known are ignored; a known field of the wrong type or out of its bounds is
// refused with its JSON path. Pure; any thread.
#pragma once

#include <string_view>

#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

ApiResult<ChatRequest> parse_chat(std::string_view body, const ParseLimits& limits);

}  // namespace monocle::api
