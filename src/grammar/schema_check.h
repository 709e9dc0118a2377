// SPDX-License-Identifier: Apache-2.0
// Prepares a JSON schema for compilation: only what the automata enforce, or what asserts nothing,
// passes; sizes and nesting are bounded; where the automata want something said that JSON schema
// leaves open (a type), it is added so that every answer they allow is valid. The result may allow
// less than the schema, never more.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "grammar/compiler.h"

namespace monocle {

// Changes the schema in place. Errors name the JSON path of the keyword.
Status prepare_schema(nlohmann::ordered_json& schema, const GrammarLimits& limits);

}  // namespace monocle
