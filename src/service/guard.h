// SPDX-License-Identifier: Apache-2.0
// Who may call, decided on a request's head before its body is read: keys, the Host a browser was
// lured to, the page a request comes from, the kind of body. Any thread; only the keys ever change.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/api_keys.h"
#include "api/types.h"
#include "http/server.h"

namespace monocle::service {

struct GuardRules {
  std::optional<api::ApiKeys> keys;  // absent: everybody who reaches the port
  // Names a Host header may have, without port. Empty: any (a reverse proxy decides). A page of
  // another site that resolves to this address would otherwise be same-origin with us.
  std::vector<std::string> hosts;
  std::vector<std::string> origins;  // other sites' pages that may call, "https://tool.example"
};

class Guard {
 public:
  explicit Guard(GuardRules rules);

  // From the next request on. What runs for a key that is gone goes on.
  void replace_keys(api::ApiKeys keys);

  // Nothing: go on.
  [[nodiscard]] std::optional<api::ApiError> check(const HttpRequest& head) const;

  // The caller's number, a salt for what must not be shared between keys; 0 without keys.
  [[nodiscard]] std::uint64_t caller(const HttpRequest& head) const;

  // What a browser must be told so that a page of an allowed origin may read the reply.
  [[nodiscard]] std::vector<HttpHeader> cors_headers(const HttpRequest& head) const;

 private:
  [[nodiscard]] bool host_allowed(std::string_view host) const;
  [[nodiscard]] bool origin_allowed(const HttpRequest& head) const;
  [[nodiscard]] std::shared_ptr<const api::ApiKeys> keys() const;

  GuardRules rules_;  // its keys have moved to keys_
  mutable std::mutex mutex_;
  std::shared_ptr<const api::ApiKeys> keys_;  // null: everybody
};

// The page itself, which anybody may load: it asks for the key.
bool is_page_route(std::string_view route);

// The route a path means: "/v1/models/" and "/models" are both "models".
std::string route_of(std::string_view path);

}  // namespace monocle::service
