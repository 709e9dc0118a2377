// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/responses -> a chat request, and what the response object repeats of it.
// Nothing is stored: previous_response_id is refused, `store` is accepted and reported as false.
// Pure; any thread.
#pragma once

#include <string_view>

#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

struct ResponsesRequest {
  ChatRequest chat;
  ResponsesEcho echo;
};

ApiResult<ResponsesRequest> parse_responses(std::string_view body, const ParseLimits& limits);

}  // namespace monocle::api
