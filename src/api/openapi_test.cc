// SPDX-License-Identifier: Apache-2.0
#include "api/openapi.h"

#include "api/test_requests.h"

namespace monocle::api {
namespace {

using nlohmann::json;

// Every "$ref" of the document leads somewhere.
void check_references(const json& node, const json& document) {
  if (node.is_object() && node.contains("$ref")) {
    const std::string path = node["$ref"];
    ASSERT_TRUE(path.starts_with("#/")) << path;
    EXPECT_TRUE(document.contains(json::json_pointer(path.substr(1)))) << path;
  }
  for (const json& child : node) {
    if (child.is_structured()) {
      check_references(child, document);
    }
  }
}

TEST(Item75, TheDescriptionIsWhole) {
  const json document = test::json_of(std::string(openapi_json()));
  EXPECT_EQ(document["openapi"], "3.1.0");
  check_references(document, document);
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      EXPECT_TRUE(operation.contains("operationId")) << path;
      EXPECT_FALSE(operation["responses"].empty()) << path << " " << method;
    }
  }
}

// What the description allows, the parser takes, and the other way round.
TEST(Item75, BoundsAreThoseOfTheParser) {
  const json document = test::json_of(std::string(openapi_json()));
  const json& fields = document["components"]["schemas"]["ChatRequest"]["properties"];
  for (const auto& [name, field] : fields.items()) {
    for (const char* end : {"minimum", "maximum"}) {
      if (!field.contains(end)) {
        continue;
      }
      const double bound = field[end];
      const double step = field["type"] == "integer" ? 1.0 : 0.001;
      const double beyond = bound + (end[1] == 'i' ? -step : step);
      const std::string more = name == "top_logprobs" ? R"(,"logprobs":true)" : "";
      const auto body = [&](double value) {
        return test::chat_with("\"" + name + "\":" + json(value).dump() + more);
      };
      EXPECT_TRUE(parse_chat(body(bound), test::limits())) << body(bound);
      EXPECT_EQ(test::bad_param(body(beyond)), name);
    }
  }
}

}  // namespace
}  // namespace monocle::api
