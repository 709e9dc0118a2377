// SPDX-License-Identifier: Apache-2.0
#include "api/field.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "api/errors.h"

namespace monocle::api {
namespace {

constexpr double kExactIntegers = 9007199254740992.0;  // 2^53

std::string written(const Json& number) {
  std::string text = dump(number);
  if (text.size() > 40) {
    text = text.substr(0, 40) + "...";
  }
  return text;
}

std::optional<std::int64_t> whole(const Json& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value.value)) {
    return *integer;
  }
  const auto* real = std::get_if<double>(&value.value);
  if (real != nullptr && std::abs(*real) <= kExactIntegers && std::trunc(*real) == *real) {
    return static_cast<std::int64_t>(*real);
  }
  return std::nullopt;
}

}  // namespace

void Problem::add(std::string path, std::string message, std::string code) {
  add(bad_request(std::move(path), std::move(message), std::move(code)));
}

void Problem::wrong_type(const std::string& path, const Json& value, std::string_view needed) {
  add(path,
      fmt::format("{} is {}, {} is needed", path.empty() ? "the request body" : path,
                  value.kind_name(), needed),
      "invalid_type");
}

std::string at(const std::string& path, std::size_t index) {
  return fmt::format("{}[{}]", path, index);
}

Fields::Fields(const Json& object, std::string path, Problem& problem)
    : object_(&object), path_(std::move(path)), problem_(&problem) {
  if (object.object() == nullptr) {
    problem.wrong_type(path_, object, "an object");
  }
}

std::string Fields::path(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

const Json* Fields::find(std::string_view key) const {
  if (problem_->any()) {
    return nullptr;
  }
  const Json* value = object_->find(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const std::string* Fields::string(std::string_view key) const {
  const Json* value = find(key);
  if (value != nullptr && value->string() == nullptr) {
    problem_->wrong_type(path(key), *value, "a string");
    return nullptr;
  }
  return value == nullptr ? nullptr : value->string();
}

std::string Fields::string_or(std::string_view key, std::string_view fallback) const {
  const std::string* value = string(key);
  return value == nullptr ? std::string(fallback) : *value;
}

std::optional<bool> Fields::boolean(std::string_view key) const {
  const Json* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  if (value->boolean() == nullptr) {
    problem_->wrong_type(path(key), *value, "true or false");
    return std::nullopt;
  }
  return *value->boolean();
}

bool Fields::boolean_or(std::string_view key, bool fallback) const {
  return boolean(key).value_or(fallback);
}

std::optional<std::int64_t> integer_of(const Json& value, const std::string& path, std::int64_t low,
                                       std::int64_t high, Problem& problem) {
  if (!value.is_number()) {
    problem.wrong_type(path, value, "an integer");
    return std::nullopt;
  }
  const auto integer = whole(value);
  if (!integer || *integer < low || *integer > high) {
    problem.add(path,
                fmt::format("{} is {}, an integer from {} to {} is needed", path, written(value),
                            low, high),
                "invalid_value");
    return std::nullopt;
  }
  return integer;
}

std::optional<std::int64_t> Fields::integer(std::string_view key, std::int64_t low,
                                            std::int64_t high) const {
  const Json* value = find(key);
  return value == nullptr ? std::nullopt : integer_of(*value, path(key), low, high, *problem_);
}

std::optional<double> number_of(const Json& value, const std::string& path, double low, double high,
                                Problem& problem) {
  if (!value.is_number()) {
    problem.wrong_type(path, value, "a number");
    return std::nullopt;
  }
  const double number = value.number();
  if (!(number >= low && number <= high)) {
    problem.add(
        path,
        fmt::format("{} is {}, a number from {} to {} is needed", path, written(value), low, high),
        "invalid_value");
    return std::nullopt;
  }
  return number;
}

std::optional<float> Fields::number(std::string_view key, double low, double high) const {
  const Json* value = find(key);
  const auto number =
      value == nullptr ? std::nullopt : number_of(*value, path(key), low, high, *problem_);
  return number ? std::optional(static_cast<float>(*number)) : std::nullopt;
}

const Json::Array* Fields::array(std::string_view key, std::size_t max_items) const {
  const Json* value = find(key);
  if (value == nullptr) {
    return nullptr;
  }
  if (value->array() == nullptr) {
    problem_->wrong_type(path(key), *value, "an array");
    return nullptr;
  }
  if (value->array()->size() > max_items) {
    problem_->add(path(key),
                  fmt::format("{} has {} items, the limit is {}", path(key), value->array()->size(),
                              max_items),
                  "array_above_max_length");
    return nullptr;
  }
  return value->array();
}

const Json* Fields::object(std::string_view key) const {
  const Json* value = find(key);
  if (value != nullptr && value->object() == nullptr) {
    problem_->wrong_type(path(key), *value, "an object");
    return nullptr;
  }
  return value;
}

void Fields::only(std::initializer_list<std::string_view> keys) const {
  if (problem_->any()) {
    return;
  }
  for (const JsonMember& member : *object_->object()) {
    if (std::find(keys.begin(), keys.end(), member.key) == keys.end()) {
      problem_->add(path(member.key.substr(0, 64)),
                    fmt::format("{} is not supported here; {} takes: {}",
                                path(member.key.substr(0, 64)), path_, fmt::join(keys, ", ")),
                    "unknown_parameter");
      return;
    }
  }
}

}  // namespace monocle::api
