// SPDX-License-Identifier: Apache-2.0
#include "api/api_keys.h"

#include <algorithm>

#include "api/constant_time.h"
#include "api/sha256.h"

namespace monocle::api {
namespace {

constexpr std::size_t kMinKey = 16;
constexpr std::size_t kMaxKey = 512;
constexpr std::size_t kMaxKeys = 10'000;
constexpr std::string_view kSpace = " \t\r";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(kSpace), text.size());
  const std::size_t last = text.find_last_not_of(kSpace);
  return last == std::string_view::npos ? std::string_view{} : text.substr(first, last + 1 - first);
}

// "Bearer KEY", the word in any case.
std::string_view bearer(std::string_view value) {
  constexpr std::string_view kBearer = "bearer ";
  const bool matches =
      value.size() > kBearer.size() &&
      std::equal(kBearer.begin(), kBearer.end(), value.begin(),
                 [](char b, char c) { return b == (c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); });
  return matches ? trimmed(value.substr(kBearer.size())) : std::string_view{};
}

}  // namespace

Result<ApiKeys> ApiKeys::parse(std::string_view text, const std::string& file_name) {
  ApiKeys keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty() || line.starts_with('#')) {
      continue;
    }
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      line = trimmed(line.substr(colon + 1));
    }
    if (line.size() < kMinKey || line.size() > kMaxKey) {
      return fail(ErrorCode::kInvalidArgument,
                  "{} line {}: the key has {} characters, {} to {} are needed", file_name, number,
                  line.size(), kMinKey, kMaxKey);
    }
    if (!std::all_of(line.begin(), line.end(), [](char c) { return c > ' ' && c <= '~'; })) {
      return fail(ErrorCode::kInvalidArgument,
                  "{} line {}: the key has a character that no header can carry", file_name,
                  number);
    }
    if (keys.hashes_.size() == kMaxKeys) {
      return fail(ErrorCode::kTooLarge, "{} has more than {} keys", file_name, kMaxKeys);
    }
    keys.hashes_.push_back(sha256(line));
  }
  if (keys.hashes_.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} holds no key", file_name);
  }
  return keys;
}

std::optional<std::uint64_t> ApiKeys::find(std::string_view key) const {
  const Hash hash = sha256(key);
  bool known = false;
  // All keys are compared, found or not.
  for (const Hash& other : hashes_) {
    known |= same_secret<std::uint8_t>(hash, other);
  }
  if (!known) {
    return std::nullopt;
  }
  std::uint64_t caller = 0;
  for (std::size_t i = 0; i < sizeof(caller); ++i) {
    caller = caller << 8 | hash[i];
  }
  return caller;
}

std::optional<std::uint64_t> ApiKeys::check(const KeyHeaders& headers) const {
  std::optional<std::uint64_t> caller;
  for (const std::string_view key :
       {bearer(headers.authorization), trimmed(headers.api_key), trimmed(headers.x_api_key)}) {
    if (!key.empty() && key.size() <= kMaxKey && !caller) {
      caller = find(key);
    }
  }
  return caller;
}

}  // namespace monocle::api
