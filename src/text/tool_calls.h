// SPDX-License-Identifier: Apache-2.0
// What the model said when it may call tools: free text, then <tool_call> blocks. Tolerant, because
// sampled text is not always well-formed; a block that cannot be read stays in the content, so that
// nothing is lost silently.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"

namespace monocle {

struct ToolReply {
  std::string content;  // text outside the blocks, without the line breaks that set the blocks off
  std::vector<ToolCall>
      calls;  // arguments: JSON text of an object, or what the model gave as a string
};

// Accepts several blocks, a missing </tool_call> at the end, and arguments given as a JSON string.
ToolReply parse_tool_calls(std::string_view text);

}  // namespace monocle
