// SPDX-License-Identifier: Apache-2.0
// The small fields of tokenizer.json: each must ask for exactly what the tokenizer does.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/added_tokens.h"

namespace monocle {

// A field of the top level other than `model` and `added_tokens`; `value` is its JSON text.
Status check_tokenizer_field(std::string_view name, std::string_view value);

// A field of `model` other than `vocab` and `merges`.
Status check_model_field(std::string_view name, std::string_view value);

Result<std::vector<AddedToken>> parse_added_tokens(std::string_view value);

}  // namespace monocle
