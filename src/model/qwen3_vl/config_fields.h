// SPDX-License-Identifier: Apache-2.0
// Reads fields of one JSON object with bounds. The first problem is kept and later reads return
// zeros, so that a parser reads as a list of its fields and asks for status() once. Every key must
// be read, named as one that changes nothing, or hold an empty value: what is left over is refused
// by name.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace monocle::qwen3_vl {

class ConfigFields {
 public:
  // `object` must outlive this; `path` is how messages name it ("text_config", "" for the document
  // itself).
  ConfigFields(const nlohmann::json& object, std::string path);

  // Whether the key is there with a value other than null. Does not count as reading it.
  [[nodiscard]] bool has(const char* key) const;

  std::int64_t integer(const char* key, std::int64_t least, std::int64_t most);
  std::int32_t integer32(const char* key, std::int32_t least, std::int32_t most);
  double number(const char* key, double least, double most);
  bool boolean(const char* key);
  std::string text(const char* key);
  std::vector<std::int32_t> integers(const char* key, std::size_t most_entries, std::int32_t most);
  // The value must be this; messages say that nothing else is supported.
  void require(const char* key, const nlohmann::json& supported);
  // As require(), but the key may be absent.
  void require_if_present(const char* key, const nlohmann::json& supported);
  // An object inside this one; an empty object after a problem.
  const nlohmann::json& object(const char* key);

  // Reads as above when the key is there.
  std::optional<double> optional_number(const char* key, double least, double most);
  std::optional<std::int32_t> optional_integer32(const char* key, std::int32_t least,
                                                 std::int32_t most);
  std::optional<bool> optional_boolean(const char* key);

  // Keys that describe training, the file or defaults of generation, and change nothing here.
  void ignore(std::span<const std::string_view> keys);
  // Also adopts the problem of a nested parse.
  void refuse(Error error);
  // The first problem, without a look at keys that were not read.
  [[nodiscard]] Status status_so_far() const;
  // The first problem, or the first key that is left over.
  [[nodiscard]] Status status() const;

 private:
  const nlohmann::json* value(const char* key);
  [[nodiscard]] std::string name(std::string_view key) const;

  const nlohmann::json& object_;
  std::string path_;
  std::set<std::string, std::less<>> seen_;
  std::optional<Error> problem_;
};

}  // namespace monocle::qwen3_vl
