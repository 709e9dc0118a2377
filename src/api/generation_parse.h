// SPDX-License-Identifier: Apache-2.0
// The fields that every dialect shares: how to sample, when to stop, how to stream, what form the
// answer has. Internal to the room's parsers.
#pragma once

#include "api/field.h"
#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

// Everything but the dialect's own names (max_*tokens, logprobs).
void parse_sampling(const Fields& body, const ParseLimits& limits, Generation& out);
void parse_stream(const Fields& body, StreamSettings& out);

// response_format, guided_* and structured_outputs; at most one of them may ask for something.
OutputFormat parse_output_format(const Fields& body, const ParseLimits& limits);

// {"type":"text"|"json_object"|"json_schema", ...}; `schema_holder` is where name, schema and
// strict are: the member "json_schema" in chat, the object itself in responses ("").
OutputFormat parse_format_object(const Fields& format, std::string_view schema_holder,
                                 const ParseLimits& limits);

}  // namespace monocle::api
