// SPDX-License-Identifier: Apache-2.0
// The bodies of POST /tokenize (a prompt or messages) and /detokenize, in vLLM's shape. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

struct TokenizeRequest {
  std::string model;
  std::string prompt;               // used when `chat` is absent
  std::optional<ChatRequest> chat;  // the body had "messages"
  bool return_token_strs = false;
};

struct DetokenizeRequest {
  std::string model;
  std::vector<std::int32_t> tokens;
};

ApiResult<TokenizeRequest> parse_tokenize(std::string_view body, const ParseLimits& limits);
ApiResult<DetokenizeRequest> parse_detokenize(std::string_view body, const ParseLimits& limits);

}  // namespace monocle::api
