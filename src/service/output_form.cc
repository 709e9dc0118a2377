// SPDX-License-Identifier: Apache-2.0
#include "service/output_form.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "api/errors.h"

namespace monocle::service {
namespace {

using api::ApiResult;
using api::OutputFormat;
using api::ToolChoice;
using MatcherPtr = std::shared_ptr<TokenMatcher>;

ApiResult<MatcherPtr> refused(Error error, const std::string& path) {
  // A schema that cannot be enforced is the request's problem, whatever the reason.
  return tl::unexpected(api::bad_request(path, std::move(error.message), "invalid_grammar"));
}

ApiResult<MatcherPtr> checked(GrammarCompiler::Matcher made, const std::string& path) {
  return made ? ApiResult<MatcherPtr>(std::move(*made)) : refused(std::move(made).error(), path);
}

std::vector<ToolGrammar> callable(const api::ChatRequest& request) {
  std::vector<ToolGrammar> tools;
  for (const api::ToolDefinition& tool : request.tools) {
    if (request.tool_choice.kind != ToolChoice::Kind::kNamed ||
        tool.name == request.tool_choice.name) {
      tools.push_back({tool.name, tool.parameters});
    }
  }
  return tools;
}

ApiResult<MatcherPtr> tool_matcher(const api::ChatRequest& request, GrammarCompiler& compiler) {
  const bool required = request.tool_choice.kind != ToolChoice::Kind::kAuto;
  const bool strict = std::any_of(request.tools.begin(), request.tools.end(),
                                  [](const auto& t) { return t.strict; });
  // Left to itself the model writes calls as it was taught; masks cost time and are kept for those
  // who asked for certainty.
  if (!required && !strict) {
    return MatcherPtr();
  }
  const bool parallel =
      request.parallel_tool_calls && request.tool_choice.kind != ToolChoice::Kind::kNamed;
  std::vector<ToolGrammar> tools = callable(request);
  GrammarCompiler::Matcher made = compiler.tool_calls(tools, {required, parallel});
  if (!made && !strict) {
    // Not strict: the call's form is certain, its arguments are any object.
    for (ToolGrammar& tool : tools) {
      tool.parameters.clear();
    }
    made = compiler.tool_calls(tools, {required, parallel});
  }
  return checked(std::move(made), "tools");
}

}  // namespace

bool tools_active(const api::ChatRequest& request) {
  return !request.tools.empty() && request.tool_choice.kind != ToolChoice::Kind::kNone;
}

ApiResult<MatcherPtr> make_matcher(const api::OutputFormat& format, GrammarCompiler& compiler) {
  switch (format.kind) {
    case OutputFormat::Kind::kText:
      return MatcherPtr();
    case OutputFormat::Kind::kJsonObject:
      return checked(compiler.json_object(), format.path);
    case OutputFormat::Kind::kJsonSchema:
      return checked(compiler.json_schema(format.text), format.path);
    case OutputFormat::Kind::kRegex:
      return checked(compiler.regex(format.text), format.path);
    case OutputFormat::Kind::kEbnf:
      return checked(compiler.ebnf(format.text), format.path);
    case OutputFormat::Kind::kChoice:
      return checked(compiler.choice(format.choices), format.path);
  }
  return MatcherPtr();
}

ApiResult<MatcherPtr> make_matcher(const api::ChatRequest& request, GrammarCompiler& compiler) {
  if (!tools_active(request)) {
    return make_matcher(request.format, compiler);
  }
  if (request.format.kind != OutputFormat::Kind::kText) {
    return tl::unexpected(api::bad_request(
        request.format.path,
        "an answer cannot be held to a format and call tools at the same time: leave out one of "
        "response_format and tools, or set tool_choice to \"none\"",
        "invalid_value"));
  }
  return tool_matcher(request, compiler);
}

}  // namespace monocle::service
