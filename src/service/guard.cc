// SPDX-License-Identifier: Apache-2.0
#include "service/guard.h"

#include <algorithm>
#include <array>
#include <utility>

#include "api/errors.h"

namespace monocle::service {
namespace {

// Reached without a key: what tells nothing, and the page itself, which asks for the key.
bool is_open(const HttpRequest& head) {
  constexpr std::array<std::string_view, 4> kOpen{"health", "ping", "live", "ready"};
  const std::string route = route_of(head.path);
  return is_page_route(route) || std::find(kOpen.begin(), kOpen.end(), route) != kOpen.end();
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

// "[::1]:7860" -> "[::1]", "LocalHost:80" -> "localhost"
std::string host_name(std::string_view host) {
  const std::size_t bracket = host.rfind(']');
  const std::size_t colon = host.rfind(':');
  if (colon != host.npos && (bracket == host.npos || colon > bracket)) {
    host = host.substr(0, colon);
  }
  return lower(host);
}

// What a form or a simple cross-site request can send, and JSON never is. `curl -d` says
// x-www-form-urlencoded without meaning it; a browser that says so also says where it comes from.
bool clearly_not_json(const HttpRequest& head) {
  const std::string type = lower(head.header("content-type"));
  const bool browser = !head.header("origin").empty() || !head.header("sec-fetch-site").empty();
  return type.starts_with("text/plain") || type.starts_with("multipart/") ||
         (browser && type.starts_with("application/x-www-form-urlencoded"));
}

api::KeyHeaders key_headers(const HttpRequest& head) {
  return {head.header("authorization"), head.header("api-key"), head.header("x-api-key")};
}

api::ApiError forbidden(std::string message, std::string code) {
  api::ApiError error;
  error.status = 403;
  error.message = std::move(message);
  error.code = std::move(code);
  return error;
}

}  // namespace

bool is_page_route(std::string_view route) {
  return route.empty() || route == "index.html" || route == "favicon.svg" ||
         route.starts_with("assets/");
}

std::string route_of(std::string_view path) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  if (path == "v1") {
    return {};
  }
  if (path.starts_with("v1/")) {
    path.remove_prefix(3);
  }
  return std::string(path);
}

Guard::Guard(GuardRules rules) : rules_(std::move(rules)) {
  if (rules_.keys) {
    replace_keys(*std::exchange(rules_.keys, std::nullopt));
  }
}

void Guard::replace_keys(api::ApiKeys keys) {
  auto made = std::make_shared<const api::ApiKeys>(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_.swap(made);
}

std::shared_ptr<const api::ApiKeys> Guard::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

std::optional<api::ApiError> Guard::check(const HttpRequest& head) const {
  if (!host_allowed(head.header("host"))) {
    return forbidden(
        "the Host header names a host that this server does not answer for; "
        "start it with --allowed-host NAME to allow it",
        "host_not_allowed");
  }
  if (!origin_allowed(head)) {
    return forbidden(
        "pages of this Origin may not call this server; "
        "start it with --allowed-origin ORIGIN to allow it",
        "origin_not_allowed");
  }
  // A browser asks before it sends a key.
  const auto known = keys();
  if (head.method != "OPTIONS" && known && !is_open(head) && !known->check(key_headers(head))) {
    return api::invalid_api_key();
  }
  if (head.method == "POST" && clearly_not_json(head)) {
    return api::from_status(415, "the body must be JSON: send Content-Type: application/json");
  }
  return std::nullopt;
}

std::uint64_t Guard::caller(const HttpRequest& head) const {
  const auto known = keys();
  return known ? known->check(key_headers(head)).value_or(0) : 0;
}

std::vector<HttpHeader> Guard::cors_headers(const HttpRequest& head) const {
  if (rules_.origins.empty()) {
    return {};
  }
  std::vector<HttpHeader> headers{{"Vary", "Origin"}};
  const std::string_view origin = head.header("origin");
  if (std::find(rules_.origins.begin(), rules_.origins.end(), origin) != rules_.origins.end()) {
    headers.push_back({"Access-Control-Allow-Origin", std::string(origin)});
    headers.push_back({"Access-Control-Allow-Methods", "GET, POST, OPTIONS"});
    headers.push_back({"Access-Control-Allow-Headers", "authorization, content-type, x-api-key"});
  }
  return headers;
}

bool Guard::host_allowed(std::string_view host) const {
  // HTTP/1.0 clients send none; browsers always do.
  if (rules_.hosts.empty() || host.empty()) {
    return true;
  }
  return std::find(rules_.hosts.begin(), rules_.hosts.end(), host_name(host)) != rules_.hosts.end();
}

bool Guard::origin_allowed(const HttpRequest& head) const {
  const std::string_view origin = head.header("origin");
  if (origin.empty()) {
    return true;
  }
  const std::size_t scheme = origin.find("://");
  const bool same = scheme != origin.npos && origin.substr(scheme + 3) == head.header("host");
  return same ||
         std::find(rules_.origins.begin(), rules_.origins.end(), origin) != rules_.origins.end();
}

}  // namespace monocle::service
