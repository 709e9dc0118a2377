// SPDX-License-Identifier: Apache-2.0
// The content of messages, for the chat and the Responses dialect. Internal to the room's parsers.
#pragma once

#include <string>

#include "api/field.h"
#include "api/image_parse.h"
#include "api/parse_limits.h"
#include "api/types.h"
#include "api/video_parse.h"

namespace monocle::api {

struct MessageContext {
  const ParseLimits& limits;
  ProcessorKwargs kwargs;
  ChatRequest& out;  // takes pictures, videos and warnings
  Problem& problem;
};

// A string or an array of parts, appended to message.parts. Pictures and videos may come from the
// user and from tools. Parts of both dialects are understood: text and input_text, image_url and
// input_image.
void parse_content(const Json& content, const std::string& path, MessageContext& context,
                   ChatMessage& message);

// One message: {"role", "content", "tool_calls"}.
void parse_message(const Fields& fields, MessageContext& context);

// "messages" of the chat dialect.
void parse_messages(const Fields& body, MessageContext& context);

// Joins system messages at the front into one, because the template shows the first only; warns of
// later ones, which it leaves out.
void settle_system_messages(ChatRequest& request);

}  // namespace monocle::api
