// SPDX-License-Identifier: Apache-2.0
// Rewrites one schema object so that the automata enforce all it says, or refuses it. They follow
// one leading keyword, or the type, and ignore what stands beside it; where JSON schema leaves the
// type open, one is chosen. Never allows more than the schema did.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"

namespace monocle {

// node: an object whose keywords were checked one by one (schema_check.h).
Status make_enforceable(nlohmann::ordered_json& node, const std::string& path);

}  // namespace monocle
