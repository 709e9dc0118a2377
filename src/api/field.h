// SPDX-License-Identifier: Apache-2.0
// Reads the fields of a JSON object with their types and bounds. A missing field and null are the
// same. The first thing that is wrong sticks and is the request's error; everything read after it
// is absent, so that parsers need no test behind each field.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "api/json.h"
#include "api/types.h"

namespace monocle::api {

inline constexpr std::int64_t kMaxInt32 = std::numeric_limits<std::int32_t>::max();

class Problem {
 public:
  void add(ApiError error) {
    if (!error_) {
      error_ = std::move(error);
    }
  }
  // 400 for the field at `path`.
  void add(std::string path, std::string message, std::string code = "");
  // "PATH is an array, a string is needed".
  void wrong_type(const std::string& path, const Json& value, std::string_view needed);

  [[nodiscard]] bool any() const { return error_.has_value(); }
  [[nodiscard]] ApiError take() { return std::move(*error_); }

 private:
  std::optional<ApiError> error_;
};

// "messages" and 2 -> "messages[2]".
std::string at(const std::string& path, std::size_t index);

class Fields {
 public:
  // `path` of the object itself, "" for the body. Anything but an object is a problem.
  Fields(const Json& object, std::string path, Problem& problem);

  [[nodiscard]] Problem& problem() const { return *problem_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path(std::string_view key) const;

  // Null when absent or null, and after a problem.
  [[nodiscard]] const Json* find(std::string_view key) const;

  [[nodiscard]] const std::string* string(std::string_view key) const;
  [[nodiscard]] std::string string_or(std::string_view key, std::string_view fallback) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] bool boolean_or(std::string_view key, bool fallback) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t low,
                                                    std::int64_t high) const;
  [[nodiscard]] std::optional<float> number(std::string_view key, double low, double high) const;
  [[nodiscard]] const Json::Array* array(std::string_view key, std::size_t max_items) const;
  [[nodiscard]] const Json* object(std::string_view key) const;

  // Refuses members that are not in the list.
  void only(std::initializer_list<std::string_view> keys) const;

 private:
  const Json* object_;
  std::string path_;
  Problem* problem_;
};

// The value as an integer (5.0 is one), if it is one within the bounds; otherwise a problem.
std::optional<std::int64_t> integer_of(const Json& value, const std::string& path, std::int64_t low,
                                       std::int64_t high, Problem& problem);
// The same for any number.
std::optional<double> number_of(const Json& value, const std::string& path, double low, double high,
                                Problem& problem);

}  // namespace monocle::api
