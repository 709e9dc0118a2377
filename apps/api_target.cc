// SPDX-License-Identifier: Apache-2.0
#include "api_target.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <future>
#include <nlohmann/json.hpp>
#include <utility>

namespace monocle::app {
namespace {

// The whole body of a plain GET.
Result<std::string> get(const ApiTarget& target, const std::string& path) {
  struct Reply {
    int status = 0;
    std::string body;
    std::promise<Status> end;
  };
  const auto reply = std::make_shared<Reply>();
  HttpAskEvents events;
  events.on_head = [reply](int status) { reply->status = status; };
  events.on_body = [reply](std::string_view bytes) { reply->body += bytes; };
  events.on_end = [reply](Status status) { reply->end.set_value(std::move(status)); };
  HttpAsk ask;
  ask.target = target.base + path;
  ask.headers = target.headers;
  ask.timeout = std::min(target.timeout, std::chrono::milliseconds(30'000));
  target.client->send(std::move(ask), std::move(events));
  if (Status status = reply->end.get_future().get(); !status) {
    return tl::unexpected<Error>(std::move(status).error());
  }
  if (reply->status != 200) {
    return fail(ErrorCode::kUnavailable, "the server answers {} to GET {}", reply->status,
                target.base + path);
  }
  return reply->body;
}

}  // namespace

Result<ApiTarget> make_api_target(const std::string& url_text, double timeout_s) {
  MONOCLE_ASSIGN(const HttpUrl url, parse_http_url(url_text));
  ApiTarget target;
  MONOCLE_ASSIGN(target.client, HttpClient::make(url));
  target.base = url.path;
  target.timeout = std::chrono::milliseconds(std::llround(timeout_s * 1e3));
  target.headers = {{"Content-Type", "application/json"}};
  if (const char* key = std::getenv("OPENAI_API_KEY"); key != nullptr && *key != '\0') {
    target.headers.push_back({"Authorization", std::string("Bearer ") + key});
  }
  return target;
}

Result<std::string> first_model(const ApiTarget& target) {
  MONOCLE_ASSIGN(const std::string text, get(target, "/models"));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_object() && json.contains("data") && json["data"].is_array() &&
      !json["data"].empty()) {
    const auto& first = json["data"][0];
    if (first.is_object() && first.contains("id") && first["id"].is_string()) return first["id"];
  }
  return fail(ErrorCode::kUnavailable, "the server's /models names no model");
}

}  // namespace monocle::app
