// SPDX-License-Identifier: Apache-2.0
// The part of a chat body that makes the prompt: messages, tools, template fields. Shared with
// /tokenize. Internal to the room's parsers.
#pragma once

#include "api/field.h"
#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

void parse_conversation(const Fields& body, const ParseLimits& limits, ChatRequest& out);

}  // namespace monocle::api
