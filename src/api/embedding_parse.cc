// SPDX-License-Identifier: Apache-2.0
#include "api/embedding_parse.h"

#include <fmt/format.h>

#include <utility>

#include "api/chat_fields.h"
#include "api/text_input.h"

namespace monocle::api {
namespace {

bool parse_base64(const Fields& body) {
  const std::string format = body.string_or("encoding_format", "float");
  if (format != "float" && format != "base64") {
    body.problem().add("encoding_format",
                       fmt::format("encoding_format is \"{}\"; float and base64 are possible",
                                   format.substr(0, 64)),
                       "invalid_value");
  }
  return format == "base64";
}

}  // namespace

ApiResult<EmbeddingRequest> parse_embedding(std::string_view body, const ParseLimits& limits) {
  auto json = parse_json(body);
  if (!json) {
    return tl::unexpected(std::move(json).error());
  }
  Problem problem;
  const Fields fields(*json, "", problem);
  EmbeddingRequest out;
  out.model = fields.string_or("model", "");
  out.base64 = parse_base64(fields);
  out.dimensions = fields.integer("dimensions", 1, kMaxDimensions);
  if (fields.find("messages") == nullptr) {
    parse_text_inputs(fields, "input", limits.max_inputs, limits, out.inputs);
  } else if (fields.find("input") != nullptr) {
    problem.add("input", "input and messages exclude each other", "invalid_value");
  } else {
    parse_conversation(fields, limits, out.chat.emplace());
  }
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

}  // namespace monocle::api
