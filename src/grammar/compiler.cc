// SPDX-License-Identifier: Apache-2.0
#include "grammar/compiler.h"

#include <xgrammar/xgrammar.h>

#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "grammar/pattern_check.h"
#include "grammar/schema_check.h"
#include "grammar/token_matcher_impl.h"

namespace {

// What the library had to say during the compilation on this thread.
thread_local std::string g_warning;

}  // namespace

// The library's log ends here: see cmake/MonocleXGrammar.cmake.
namespace xgrammar {

[[noreturn]] void LogFatalImpl(const std::string& file, int line, const std::string& message);
void LogMessageImpl(const std::string& file, int line, int level, const std::string& message);

void LogFatalImpl(const std::string& /*file*/, int /*line*/, const std::string& message) {
  throw std::runtime_error(message);
}

void LogMessageImpl(const std::string& /*file*/, int /*line*/, int level,
                    const std::string& message) {
  constexpr int kWarning = 2;
  if (level >= kWarning && g_warning.empty()) {
    g_warning = message;
  }
}

}  // namespace xgrammar

namespace monocle {
namespace {

using Json = nlohmann::ordered_json;

// Between two parts of a JSON text. Enough for deep indentation, and not endless.
constexpr int kMaxWhitespace = 32;
// The same in the arguments of a call, which are taught without any.
constexpr int kMaxCallWhitespace = 16;
constexpr const char* kCallOpen = "<tool_call>\n{\"name\": \"";
constexpr const char* kCallArguments = "\", \"arguments\": ";
constexpr const char* kCallClose = "}\n</tool_call>";

xgrammar::TokenizerInfo tokenizer_info(const Tokenizer& tokenizer,
                                       std::span<const TokenId> stop_ids, std::int32_t vocab) {
  std::vector<std::string> tokens(static_cast<std::size_t>(vocab));
  for (TokenId id = 0; id < std::min(vocab, tokenizer.vocab_size()); ++id) {
    // An empty token matches nothing: control tokens never take part in a text.
    if (!tokenizer.is_special(id)) {
      tokens[static_cast<std::size_t>(id)] = tokenizer.bytes_of(id);
    }
  }
  return xgrammar::TokenizerInfo(tokens, xgrammar::VocabType::RAW, vocab,
                                 std::vector<std::int32_t>(stop_ids.begin(), stop_ids.end()));
}

Result<Json> parse_schema(std::string_view text, const GrammarLimits& limits) {
  if (text.size() > limits.source_bytes) {
    return fail(ErrorCode::kTooLarge, "schema: {} bytes are more than the limit of {}", text.size(),
                limits.source_bytes);
  }
  // The parser recurses: the depth is checked while it reads, before it can hurt. A schema's own
  // depth limit follows; one level of it takes two or three of JSON.
  const int deepest = 4 * limits.depth;
  bool too_deep = false;
  Json schema = Json::parse(
      text,
      [&](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
        too_deep = too_deep || depth > deepest;
        return !too_deep;
      },
      false);
  if (too_deep) {
    return fail(ErrorCode::kTooLarge, "schema: JSON is nested deeper than {}", deepest);
  }
  if (schema.is_discarded()) {
    return fail(ErrorCode::kInvalidArgument, "schema: is not valid JSON");
  }
  MONOCLE_TRY(prepare_schema(schema, limits));
  return schema;
}

// A JSON string's inside: a tool's name may hold quotes.
std::string escaped(const std::string& text) {
  const std::string quoted = Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

Json call_tag(const std::string& name, const Json& parameters) {
  return {{"type", "tag"},
          {"begin", kCallOpen + escaped(name) + kCallArguments},
          {"content",
           {{"type", "json_schema"},
            {"json_schema", parameters},
            {"max_whitespace_cnt", kMaxCallWhitespace}}},
          {"end", kCallClose}};
}

Json call_format(Json tags, const ToolRules& rules) {
  Json format;
  if (rules.required) {
    format = {{"type", "tags_with_separator"}, {"separator", "\n"}};
  } else {
    format = {{"type", "triggered_tags"}, {"triggers", {"<tool_call>"}}};
  }
  format["tags"] = std::move(tags);
  format["at_least_one"] = rules.required;
  format["stop_after_first"] = !rules.parallel;
  return {{"type", "structural_tag"}, {"format", std::move(format)}};
}

}  // namespace

struct GrammarCompiler::Impl {
  Impl(xgrammar::TokenizerInfo info, std::int32_t vocab, const GrammarLimits& given)
      : limits(given),
        mask_words((static_cast<std::size_t>(vocab) + 31) / 32),
        // One thread: a compilation runs on its caller, and so do its warnings.
        compiler(info, 1, true, static_cast<std::int64_t>(given.cache_bytes)) {}

  // Runs one of the library's compile functions; any complaint of it is a refusal.
  template <class Compile>
  Matcher compile(const char* what, Compile&& run) {
    g_warning.clear();
    try {
      const xgrammar::CompiledGrammar grammar = run(compiler);
      if (!g_warning.empty()) {
        return fail(ErrorCode::kUnsupported, "{}: cannot be enforced exactly: {}", what, g_warning);
      }
      auto matcher = std::make_shared<TokenMatcher>(std::make_unique<TokenMatcher::Impl>(grammar));
      // Rules that never come to an end, say.
      std::vector<std::uint32_t> mask(mask_words);
      if (matcher->fill(mask) && std::ranges::all_of(mask, [](auto word) { return word == 0; })) {
        return fail(ErrorCode::kInvalidArgument, "{}: allows no answer at all", what);
      }
      return matcher;
    } catch (const std::exception& error) {
      return fail(ErrorCode::kInvalidArgument, "{}: {}", what, error.what());
    }
  }

  Status check(const char* what, std::string_view text, std::size_t bytes) const {
    const Status fits = check_pattern(text, {bytes, limits.depth, limits.repeats});
    return fits ? Status{} : prefixed(what, fits.error());
  }

  GrammarLimits limits;
  std::size_t mask_words;
  xgrammar::GrammarCompiler compiler;
};

GrammarCompiler::GrammarCompiler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrammarCompiler::~GrammarCompiler() = default;

std::unique_ptr<GrammarCompiler> GrammarCompiler::create(const Tokenizer& tokenizer,
                                                         std::span<const TokenId> stop_ids,
                                                         std::int32_t vocab,
                                                         const GrammarLimits& limits) {
  auto impl = std::make_unique<Impl>(tokenizer_info(tokenizer, stop_ids, vocab), vocab, limits);
  return std::unique_ptr<GrammarCompiler>(new GrammarCompiler(std::move(impl)));
}

GrammarCompiler::Matcher GrammarCompiler::json_object() {
  return json_schema(R"({"type": "object", "additionalProperties": true})");
}

GrammarCompiler::Matcher GrammarCompiler::json_schema(std::string_view schema) {
  MONOCLE_ASSIGN(const Json prepared, parse_schema(schema, impl_->limits));
  return impl_->compile("schema", [&](xgrammar::GrammarCompiler& compiler) {
    return compiler.CompileJSONSchema(prepared.dump(), true, std::nullopt, std::nullopt, true,
                                      kMaxWhitespace);
  });
}

GrammarCompiler::Matcher GrammarCompiler::regex(std::string_view pattern) {
  MONOCLE_TRY(impl_->check("regex", pattern, impl_->limits.pattern_bytes));
  return impl_->compile("regex", [&](xgrammar::GrammarCompiler& compiler) {
    return compiler.CompileRegex(std::string(pattern));
  });
}

GrammarCompiler::Matcher GrammarCompiler::ebnf(std::string_view grammar) {
  MONOCLE_TRY(impl_->check("grammar", grammar, impl_->limits.source_bytes));
  return impl_->compile("grammar", [&](xgrammar::GrammarCompiler& compiler) {
    return compiler.CompileGrammar(std::string(grammar));
  });
}

GrammarCompiler::Matcher GrammarCompiler::choice(std::span<const std::string> choices) {
  if (choices.empty() || choices.size() > impl_->limits.choices) {
    return fail(ErrorCode::kInvalidArgument, "choice: {} values, where 1 to {} are allowed",
                choices.size(), impl_->limits.choices);
  }
  std::size_t bytes = 0;
  std::string grammar = "root ::= ";
  for (const std::string& value : choices) {
    bytes += value.size();
    // JSON's escapes are EBNF's.
    grammar +=
        (grammar.back() == ' ' && bytes == value.size() ? "\"" : " | \"") + escaped(value) + "\"";
  }
  if (bytes > impl_->limits.source_bytes) {
    return fail(ErrorCode::kTooLarge, "choice: {} bytes are more than the limit of {}", bytes,
                impl_->limits.source_bytes);
  }
  return impl_->compile("choice", [&](xgrammar::GrammarCompiler& compiler) {
    return compiler.CompileGrammar(grammar);
  });
}

GrammarCompiler::Matcher GrammarCompiler::tool_calls(std::span<const ToolGrammar> tools,
                                                     const ToolRules& rules) {
  Json tags = Json::array();
  for (const ToolGrammar& tool : tools) {
    constexpr std::string_view kAnyObject = R"({"type": "object"})";
    Result<Json> parameters = parse_schema(
        tool.parameters.empty() ? kAnyObject : std::string_view(tool.parameters), impl_->limits);
    if (!parameters) {
      return prefixed("tool \"" + tool.name + "\"", std::move(parameters).error());
    }
    tags.push_back(call_tag(tool.name, *parameters));
  }
  const std::string format = call_format(std::move(tags), rules).dump();
  return impl_->compile("tools", [&](xgrammar::GrammarCompiler& compiler) {
    return compiler.CompileStructuralTag(format);
  });
}

}  // namespace monocle
