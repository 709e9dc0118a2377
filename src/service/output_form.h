// SPDX-License-Identifier: Apache-2.0
// What form an answer must have, from response_format, guided decoding and tools, as a grammar.
#pragma once

#include <memory>

#include "api/types.h"
#include "grammar/compiler.h"

namespace monocle::service {

// Whether tool calls are part of the answer's form: tools were given and not switched off.
bool tools_active(const api::ChatRequest& request);

// Null: free text. One matcher serves one choice.
api::ApiResult<std::shared_ptr<TokenMatcher>> make_matcher(const api::ChatRequest& request,
                                                           GrammarCompiler& compiler);
api::ApiResult<std::shared_ptr<TokenMatcher>> make_matcher(const api::OutputFormat& format,
                                                           GrammarCompiler& compiler);

}  // namespace monocle::service
