// SPDX-License-Identifier: Apache-2.0
// A JSON document as a tree that keeps key order and long numbers, because tool schemas are shown
// to the model as the client wrote them. Depth and number of values are bounded; of two equal keys
// the last wins. Plain values; the tree owns its strings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/types.h"

namespace monocle::api {

constexpr std::size_t kMaxJsonValues = 1'000'000;

struct JsonMember;

class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<JsonMember>;
  // An integer beyond 64 bits, as written.
  struct LongInteger {
    std::string digits;
  };
  using Value = std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, LongInteger,
                             std::string, Array, Object>;

  // In json.cc, where JsonMember is complete.
  Json();  // null
  explicit Json(Value content);
  Json(const Json& other);
  Json(Json&& other) noexcept;
  Json& operator=(const Json& other);
  Json& operator=(Json&& other) noexcept;
  ~Json();

  Value value;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(value); }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&value); }
  [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&value); }
  [[nodiscard]] const Array* array() const { return std::get_if<Array>(&value); }
  [[nodiscard]] const Object* object() const { return std::get_if<Object>(&value); }
  [[nodiscard]] bool is_number() const;
  [[nodiscard]] double number() const;  // of a number

  // The member of an object, null when there is none.
  [[nodiscard]] const Json* find(std::string_view key) const;
  // "a string", "an object": for messages.
  [[nodiscard]] const char* kind_name() const;
};

struct JsonMember {
  std::string key;
  Json value;
};

// A whole text. The error (400, no param) names the byte.
ApiResult<Json> parse_json(std::string_view text);

// Compact JSON text.
std::string dump(const Json& json);

}  // namespace monocle::api
