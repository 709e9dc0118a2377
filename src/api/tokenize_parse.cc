// SPDX-License-Identifier: Apache-2.0
#include "api/tokenize_parse.h"

#include <limits>
#include <utility>

#include "api/chat_fields.h"
#include "api/field.h"

namespace monocle::api {

ApiResult<TokenizeRequest> parse_tokenize(std::string_view body, const ParseLimits& limits) {
  auto json = parse_json(body);
  if (!json) {
    return tl::unexpected(std::move(json).error());
  }
  Problem problem;
  const Fields fields(*json, "", problem);
  TokenizeRequest out;
  out.model = fields.string_or("model", "");
  out.return_token_strs = fields.boolean_or("return_token_strs", false);
  const std::string* prompt = fields.string("prompt");
  if (fields.find("messages") != nullptr) {
    out.chat.emplace();
    parse_conversation(fields, limits, *out.chat);
  } else if (prompt != nullptr) {
    out.prompt = *prompt;
  } else {
    problem.add("prompt", "prompt or messages is needed", "missing_required_parameter");
  }
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

ApiResult<DetokenizeRequest> parse_detokenize(std::string_view body, const ParseLimits& limits) {
  auto json = parse_json(body);
  if (!json) {
    return tl::unexpected(std::move(json).error());
  }
  Problem problem;
  const Fields fields(*json, "", problem);
  DetokenizeRequest out;
  out.model = fields.string_or("model", "");
  const std::int64_t last =
      limits.vocab_size > 0 ? limits.vocab_size - 1 : std::numeric_limits<std::int32_t>::max();
  const Json::Array* tokens = fields.array("tokens", kMaxJsonValues);
  if (tokens == nullptr) {
    problem.add("tokens", "tokens is missing", "missing_required_parameter");
  } else {
    out.tokens.reserve(tokens->size());
    for (std::size_t i = 0; i < tokens->size() && !problem.any(); ++i) {
      const auto id = integer_of((*tokens)[i], at("tokens", i), 0, last, problem);
      out.tokens.push_back(static_cast<std::int32_t>(id.value_or(0)));
    }
  }
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

}  // namespace monocle::api
