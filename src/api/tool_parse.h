// SPDX-License-Identifier: Apache-2.0
// Tools a request offers, which of them must be called, and the calls of earlier answers, in the
// chat and the Responses shape. Internal to the room's parsers.
#pragma once

#include <vector>

#include "api/field.h"
#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

enum class ToolShape : std::uint8_t {
  kChat,       // {"type":"function","function":{"name",...}}
  kResponses,  // {"type":"function","name",...}
};

// "tools", "tool_choice" and "parallel_tool_calls".
void parse_tools(const Fields& body, ToolShape shape, const ParseLimits& limits, ChatRequest& out);

// "tool_calls" of an assistant's message.
void parse_past_calls(const Fields& message, const ParseLimits& limits, std::vector<ToolCall>& out);

// {"name", "arguments"}: one call of an earlier answer.
void parse_past_call(const Fields& call, std::vector<ToolCall>& out);

}  // namespace monocle::api
