// SPDX-License-Identifier: Apache-2.0
// Pieces of JSON that replies of several dialects share. Internal to the room's formatters.
#pragma once

#include <span>

#include "api/json_writer.h"
#include "api/types.h"

namespace monocle::api {

void write_usage(JsonWriter& json, const Usage& usage);     // the value of "usage"
void write_timing(JsonWriter& json, const Timing& timing);  // the value of "timing_ms"

// [{"token","logprob","bytes","top_logprobs"}]
void write_logprobs(JsonWriter& json, std::span<const TokenLogprob> tokens);

// null or the text
void write_or_null(JsonWriter& json, std::string_view text);

// Opens an object with what all replies begin with: id, object, created, model, system_fingerprint.
void open_reply(JsonWriter& json, const ReplyHead& head, std::string_view object);

}  // namespace monocle::api
