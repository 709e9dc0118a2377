// SPDX-License-Identifier: Apache-2.0
// Names of replies and tool calls. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace monocle::api {

// prefix and 128 random bits: make_id("chatcmpl-").
std::string make_id(std::string_view prefix);

// The id of a tool call, a function of the reply's id so that stream and object agree.
std::string call_id(std::string_view reply_id, std::int32_t choice, std::int32_t call);

}  // namespace monocle::api
