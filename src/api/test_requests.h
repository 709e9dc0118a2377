// SPDX-License-Identifier: Apache-2.0
// Shared by the room's tests: bodies and what became of them.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "api/chat_parse.h"
#include "api/completion_parse.h"
#include "api/responses_parse.h"

namespace monocle::api::test {

inline ParseLimits limits() {
  ParseLimits limits;
  limits.vocab_size = 1000;
  return limits;
}

// A chat body with one user message and the given members behind it: R"("n":2)".
inline std::string chat_with(const std::string& members) {
  return R"({"messages":[{"role":"user","content":"hi"}])" +
         (members.empty() ? "" : "," + members) + "}";
}
inline std::string chat_of(const std::string& messages) {
  return R"({"messages":[)" + messages + "]}";
}
inline std::string part(const std::string& json) {
  return chat_of(R"({"role":"user","content":[)" + json + "]}");
}

inline ChatRequest good(const std::string& body) {
  auto request = parse_chat(body, limits());
  EXPECT_TRUE(request) << body << "\n" << (request ? "" : request.error().message);
  return request ? *request : ChatRequest{};
}

// The refusal; its message names the field.
inline ApiError bad(const std::string& body) {
  const auto request = parse_chat(body, limits());
  EXPECT_FALSE(request) << body;
  return request ? ApiError{} : request.error();
}
inline std::string bad_param(const std::string& body) { return bad(body).param; }

inline nlohmann::json json_of(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << text;
  return json;
}

}  // namespace monocle::api::test
