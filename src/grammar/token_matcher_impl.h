// SPDX-License-Identifier: Apache-2.0
// What a TokenMatcher holds. Seen by this room only, so that the library's headers stay inside it.
#pragma once

#include <xgrammar/xgrammar.h>

#include "grammar/token_matcher.h"

namespace monocle {

struct TokenMatcher::Impl {
  explicit Impl(const xgrammar::CompiledGrammar& grammar) : matcher(grammar) {}
  xgrammar::GrammarMatcher matcher;
};

}  // namespace monocle
