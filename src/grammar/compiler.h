// SPDX-License-Identifier: Apache-2.0
// Makes matchers from the forms a request may ask for. One compiler serves one vocabulary and any
// thread; it keeps what it compiled last, within a limit of bytes. What cannot be enforced exactly
// is refused with the keyword and its place: nothing falls back to free text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "grammar/token_matcher.h"
#include "text/bpe.h"

namespace monocle {

struct GrammarLimits {
  std::size_t source_bytes = std::size_t{64} << 10;  // of a schema, an expression or an EBNF text
  std::size_t pattern_bytes = 2048;                  // of one regular expression
  int depth = 32;                                    // nesting of schemas and of groups
  std::int64_t repeats = 10'000;  // product of nested bounds: {m,n}, maxLength, maxItems
  std::size_t choices = 10'000;   // enum values of one list
  std::size_t cache_bytes = std::size_t{256} << 20;
};

// One function the answer may call.
struct ToolGrammar {
  std::string name;
  std::string parameters;  // JSON schema of the arguments; empty = any object
};

struct ToolRules {
  bool required = false;  // at least one call and nothing else; otherwise text and calls may mix
  bool parallel = true;   // more than one call
};

class GrammarCompiler {
 public:
  // stop_ids: the tokens that end an answer. vocab: rows of the logits that may be sampled, at most
  // the model's. The tokenizer is read during this call only.
  static std::unique_ptr<GrammarCompiler> create(const Tokenizer& tokenizer,
                                                 std::span<const TokenId> stop_ids,
                                                 std::int32_t vocab, const GrammarLimits& limits);
  ~GrammarCompiler();
  GrammarCompiler(const GrammarCompiler&) = delete;
  GrammarCompiler& operator=(const GrammarCompiler&) = delete;

  using Matcher = Result<std::shared_ptr<TokenMatcher>>;
  Matcher json_object();
  Matcher json_schema(std::string_view schema);
  Matcher regex(std::string_view pattern);
  Matcher ebnf(std::string_view grammar);  // the start rule is "root"
  Matcher choice(std::span<const std::string> choices);
  // <tool_call>\n{"name": ..., "arguments": ...}\n</tool_call>, as the chat template teaches it.
  Matcher tool_calls(std::span<const ToolGrammar> tools, const ToolRules& rules);

 private:
  struct Impl;
  explicit GrammarCompiler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
