// SPDX-License-Identifier: Apache-2.0
// JSON text as Python's json.dumps(value, ensure_ascii=False) writes it, which is what the model
// was trained on:
// ", " and ": " between items, key order kept, only quotes, backslashes and control characters
// escaped.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace monocle {

constexpr std::size_t kMaxJsonBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxJsonDepth = 128;

// Integers of any length keep their digits; floating-point numbers are written with Python's repr.
// Duplicate keys, lone surrogates and numbers beyond double are refused.
Result<std::string> to_python_json(std::string_view json);

// Python's repr of a finite double.
std::string python_float(double value);

}  // namespace monocle
