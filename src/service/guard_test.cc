// SPDX-License-Identifier: Apache-2.0
#include "service/guard.h"

#include <gtest/gtest.h>

#include <string>

namespace monocle::service {
namespace {

HttpRequest head(std::string method, std::string path, std::vector<HttpHeader> headers) {
  HttpRequest request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.headers = std::move(headers);
  return request;
}

int status(const Guard& guard, const HttpRequest& request) {
  const auto refusal = guard.check(request);
  return refusal ? refusal->status : 200;
}

const std::string kKey = "sk-0123456789abcdef";

Guard with_keys() {
  GuardRules rules;
  rules.keys = api::ApiKeys::parse(kKey + "\n", "keys").value();
  return Guard(std::move(rules));
}

Guard local(std::vector<std::string> origins = {}) {
  GuardRules rules;
  rules.hosts = {"127.0.0.1", "localhost", "[::1]"};
  rules.origins = std::move(origins);
  return Guard(std::move(rules));
}

TEST(Route, forms_of_one_path) {
  for (const char* path : {"/v1/models", "/models", "/v1/models/", "//models"}) {
    EXPECT_EQ(route_of(path), "models") << path;
  }
  EXPECT_EQ(route_of("/"), "");
  EXPECT_EQ(route_of("/v1"), "");
  EXPECT_EQ(route_of("/v1/models/a/b"), "models/a/b");
  EXPECT_EQ(route_of("/v1x/models"), "v1x/models");
}

TEST(Guard, every_key_header_counts_on_every_route) {
  const Guard guard = with_keys();
  for (const char* path : {"/v1/chat/completions", "/metrics", "/ui/status", "/v1/models"}) {
    EXPECT_EQ(status(guard, head("GET", path, {})), 401) << path;
    EXPECT_EQ(status(guard, head("GET", path, {{"Authorization", "Bearer " + kKey}})), 200) << path;
    EXPECT_EQ(status(guard, head("GET", path, {{"api-key", kKey}})), 200) << path;
    EXPECT_EQ(status(guard, head("GET", path, {{"X-Api-Key", kKey}})), 200) << path;
    EXPECT_EQ(status(guard, head("GET", path, {{"Authorization", "Bearer " + kKey + "x"}})), 401);
  }
}

TEST(Guard, health_and_the_page_need_no_key) {
  const Guard guard = with_keys();
  for (const char* path : {"/health", "/ping", "/live", "/ready", "/", "/assets/index-a1.js"}) {
    EXPECT_EQ(status(guard, head("GET", path, {})), 200) << path;
  }
}

TEST(Guard, replaced_keys_count_from_the_next_request_on) {
  Guard guard = with_keys();
  const std::string other = "sk-another-key-0123456789";
  EXPECT_EQ(status(guard, head("GET", "/v1/models", {{"api-key", kKey}})), 200);
  guard.replace_keys(api::ApiKeys::parse(other, "keys").value());
  EXPECT_EQ(status(guard, head("GET", "/v1/models", {{"api-key", kKey}})), 401);
  EXPECT_EQ(status(guard, head("GET", "/v1/models", {{"api-key", other}})), 200);
}

TEST(Guard, callers_differ_by_key) {
  GuardRules rules;
  rules.keys = api::ApiKeys::parse(kKey + "\nsk-another-key-of-16\n", "keys").value();
  const Guard guard(std::move(rules));
  const auto first = guard.caller(head("GET", "/", {{"x-api-key", kKey}}));
  const auto second = guard.caller(head("GET", "/", {{"x-api-key", "sk-another-key-of-16"}}));
  EXPECT_NE(first, second);
  EXPECT_NE(first, 0U);
}

struct HostCase {
  const char* host;
  int status;
};

class Hosts : public ::testing::TestWithParam<HostCase> {};

TEST_P(Hosts, only_our_names) {
  EXPECT_EQ(status(local(), head("GET", "/health", {{"Host", GetParam().host}})),
            GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Hosts,
    ::testing::Values(HostCase{"127.0.0.1:7860", 200}, HostCase{"LOCALHOST:7860", 200},
                      HostCase{"localhost", 200}, HostCase{"[::1]:7860", 200},
                      HostCase{"[::1]", 200}, HostCase{"evil.example", 403},
                      HostCase{"evil.example:7860", 403}, HostCase{"127.0.0.1.evil.example", 403},
                      HostCase{"localhost.", 403}, HostCase{"[::2]:7860", 403}));

TEST(Guard, pages_of_other_sites_may_not_call) {
  const auto from = [](const char* origin) {
    return head(
        "POST", "/v1/chat/completions",
        {{"Host", "127.0.0.1:7860"}, {"Origin", origin}, {"Content-Type", "application/json"}});
  };
  EXPECT_EQ(status(local(), from("http://127.0.0.1:7860")), 200);
  EXPECT_EQ(status(local(), from("http://127.0.0.1:7861")), 403);
  EXPECT_EQ(status(local(), from("http://evil.example")), 403);
  EXPECT_EQ(status(local(), from("null")), 403);
  const Guard open = local({"https://tool.example"});
  EXPECT_EQ(status(open, from("https://tool.example")), 200);
  EXPECT_EQ(status(open, from("http://tool.example")), 403);
}

TEST(Guard, cors_headers_only_for_allowed_origins) {
  EXPECT_TRUE(local().cors_headers(head("GET", "/", {{"Origin", "https://a.example"}})).empty());
  const Guard open = local({"https://tool.example"});
  EXPECT_EQ(open.cors_headers(head("GET", "/", {{"Origin", "https://a.example"}})).size(), 1U);
  const auto headers = open.cors_headers(head("GET", "/", {{"Origin", "https://tool.example"}}));
  ASSERT_GE(headers.size(), 2U);
  EXPECT_EQ(headers[1].value, "https://tool.example");
}

TEST(Guard, bodies_that_a_form_could_send_are_refused) {
  const auto post = [](const char* type, std::vector<HttpHeader> more) {
    more.push_back({"Content-Type", type});
    return head("POST", "/v1/chat/completions", std::move(more));
  };
  EXPECT_EQ(status(local(), post("text/plain", {})), 415);
  EXPECT_EQ(status(local(), post("Text/Plain;charset=UTF-8", {})), 415);
  EXPECT_EQ(status(local(), post("multipart/form-data; boundary=x", {})), 415);
  EXPECT_EQ(status(local(), post("application/json", {})), 200);
  // curl -d says this without meaning it; a browser also says where it comes from.
  const char* form = "application/x-www-form-urlencoded";
  EXPECT_EQ(status(local(), post(form, {})), 200);
  EXPECT_EQ(status(local(), post(form, {{"Sec-Fetch-Site", "cross-site"}})), 415);
}

}  // namespace
}  // namespace monocle::service
