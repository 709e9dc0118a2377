// SPDX-License-Identifier: Apache-2.0
// The body of POST /v1/completions -> CompletionRequest. `suffix`, `best_of` above `n` and `echo`
// together with `logprobs` are refused by name. Pure; any thread.
#pragma once

#include <string_view>

#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

ApiResult<CompletionRequest> parse_completion(std::string_view body, const ParseLimits& limits);

}  // namespace monocle::api
