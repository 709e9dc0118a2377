// SPDX-License-Identifier: Apache-2.0
// Prompts without messages, as /v1/completions and /v1/embeddings take them: a string, token ids,
// or an array of either. Internal to the room's parsers.
#pragma once

#include <string_view>
#include <vector>

#include "api/field.h"
#include "api/parse_limits.h"
#include "api/types.h"

namespace monocle::api {

// Reads the field `key`, which must be there; an empty text and more than `most` of them are
// problems.
void parse_text_inputs(const Fields& body, std::string_view key, std::size_t most,
                       const ParseLimits& limits, std::vector<TextInput>& out);

}  // namespace monocle::api
