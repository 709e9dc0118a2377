// SPDX-License-Identifier: Apache-2.0
// What a regular expression or EBNF text costs before it is compiled: an automaton's size is the
// product of nested repetitions, and a few characters can ask for millions of states.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace monocle {

struct PatternLimits {
  std::size_t bytes = 2048;
  int depth = 32;
  std::int64_t repeats = 10'000;
};

// Nesting of groups and the product of nested {m,n}. Quoted stretches and character classes count
// as one atom. Says nothing about whether the text is a valid expression.
Status check_pattern(std::string_view pattern, const PatternLimits& limits);

}  // namespace monocle
