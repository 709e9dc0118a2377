// SPDX-License-Identifier: Apache-2.0
// Who may call: the keys of a file, kept as SHA-256 only. Immutable after parse; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monocle::api {

// The headers a key may come in; empty = not sent. Each counts the same on every route.
struct KeyHeaders {
  std::string_view authorization;  // Authorization: Bearer KEY
  std::string_view api_key;        // api-key: KEY
  std::string_view x_api_key;      // x-api-key: KEY
};

class ApiKeys {
 public:
  // One key per line, optionally behind a name and a colon ("alice: sk-..."); empty lines and lines
  // that start with # are skipped. A file without a key, a key shorter than 16 characters or of
  // characters that no header can carry is refused; messages name the line, never the key.
  static Result<ApiKeys> parse(std::string_view text, const std::string& file_name);

  // The caller's number, the same for the same key across restarts (salt of caches, owner of
  // files); nothing: no header holds a known key. The time does not depend on where a wrong key
  // differs.
  [[nodiscard]] std::optional<std::uint64_t> check(const KeyHeaders& headers) const;

  [[nodiscard]] std::size_t size() const { return hashes_.size(); }

 private:
  using Hash = std::array<std::uint8_t, 32>;
  [[nodiscard]] std::optional<std::uint64_t> find(std::string_view key) const;

  std::vector<Hash> hashes_;
};

}  // namespace monocle::api
