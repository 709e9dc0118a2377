// SPDX-License-Identifier: Apache-2.0
// The JSON in a model's answer. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace monocle::task {

// Nesting of what is read; deeper answers count as none.
inline constexpr int kMaxAnswerDepth = 64;

// The whole answer as JSON, else the contents of its first ``` fence, else what stands between the
// first opening bracket and the last closing one of its kind. Nothing when none of these is JSON.
std::optional<nlohmann::json> json_in(std::string_view answer);

}  // namespace monocle::task
