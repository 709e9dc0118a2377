// SPDX-License-Identifier: Apache-2.0
#include "api/json.h"

#include <fmt/format.h>

#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <utility>

#include "api/errors.h"
#include "api/json_writer.h"
#include "api/parse_limits.h"

namespace monocle::api {
namespace {

// Objects of more keys than this get an index, so that a body of a million keys costs no square.
constexpr std::size_t kIndexFrom = 32;

class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(Json{}); }
  bool boolean(bool value) override { return put(Json{value}); }
  bool number_integer(number_integer_t value) override { return put(Json{std::int64_t{value}}); }
  bool number_unsigned(number_unsigned_t value) override {
    return put(std::in_range<std::int64_t>(value) ? Json{static_cast<std::int64_t>(value)}
                                                  : Json{std::uint64_t{value}});
  }
  bool number_float(number_float_t value, const string_t& written) override {
    // The parser reports integers beyond 64 bits as floats, with their text.
    if (written.find_first_of(".eE") == string_t::npos) {
      return put(Json{Json::LongInteger{written}});
    }
    return put(Json{value});
  }
  bool string(string_t& value) override { return put(Json{std::move(value)}); }
  bool binary(binary_t& /*value*/) override { return false; }  // does not occur in JSON text
  bool start_object(std::size_t /*size*/) override { return open(Json{Json::Object{}}); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(Json{Json::Array{}}); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Level& level = levels_.back();
    auto& members = std::get<Json::Object>(level.container->value);
    level.slot = find(level, members, name);
    if (level.slot == members.size()) {
      if (level.indexed) {
        level.index.emplace(name, level.slot);
      }
      members.push_back({std::move(name), {}});
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*e*/) override {
    error_ = fmt::format("the request body is not valid JSON: unexpected at byte {}",
                         position == 0 ? 0 : position - 1);
    return false;
  }

  Json root_;
  std::string error_;

 private:
  struct Level {
    Json* container;
    std::size_t slot = 0;  // of the member whose value comes next
    bool indexed = false;
    std::unordered_map<std::string, std::size_t> index;
  };

  static std::size_t find(Level& level, const Json::Object& members, const std::string& name) {
    if (!level.indexed && members.size() >= kIndexFrom) {
      for (std::size_t i = 0; i < members.size(); ++i) {
        level.index.emplace(members[i].key, i);
      }
      level.indexed = true;
    }
    if (level.indexed) {
      const auto found = level.index.find(name);
      return found == level.index.end() ? members.size() : found->second;
    }
    std::size_t i = 0;
    while (i < members.size() && members[i].key != name) {
      ++i;
    }
    return i;
  }

  // Where the value goes stays put until its container is closed: only the innermost one grows.
  Json* place(Json value) {
    if (++values_ > kMaxJsonValues) {
      error_ = fmt::format("the request body has more than {} JSON values", kMaxJsonValues);
      return nullptr;
    }
    if (levels_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Level& level = levels_.back();
    if (auto* array = std::get_if<Json::Array>(&level.container->value)) {
      array->push_back(std::move(value));
      return &array->back();
    }
    Json& slot = std::get<Json::Object>(level.container->value)[level.slot].value;
    slot = std::move(value);
    return &slot;
  }
  bool put(Json value) { return place(std::move(value)) != nullptr; }
  bool open(Json container) {
    if (levels_.size() == kMaxRequestDepth) {
      error_ = fmt::format("the request body is nested deeper than {}", kMaxRequestDepth);
      return false;
    }
    Json* placed = place(std::move(container));
    if (placed == nullptr) {
      return false;
    }
    levels_.push_back(Level{placed, 0, false, {}});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }

  std::vector<Level> levels_;
  std::size_t values_ = 0;
};

struct Dumper {
  std::string& out;

  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
  void operator()(std::uint64_t value) const {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
  void operator()(double value) const { append_number(out, value); }
  void operator()(const Json::LongInteger& value) const { out += value.digits; }
  void operator()(const std::string& value) const { append_string(out, value); }
  void operator()(const Json::Array& items) const {
    char separator = '[';
    for (const Json& item : items) {
      out += separator;
      std::visit(*this, item.value);
      separator = ',';
    }
    out += items.empty() ? "[]" : "]";
  }
  void operator()(const Json::Object& members) const {
    char separator = '{';
    for (const JsonMember& member : members) {
      out += separator;
      append_string(out, member.key);
      out += ':';
      std::visit(*this, member.value.value);
      separator = ',';
    }
    out += members.empty() ? "{}" : "}";
  }
};

}  // namespace

Json::Json() = default;
Json::Json(Value content) : value(std::move(content)) {}
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

bool Json::is_number() const {
  return std::holds_alternative<std::int64_t>(value) ||
         std::holds_alternative<std::uint64_t>(value) || std::holds_alternative<double>(value) ||
         std::holds_alternative<LongInteger>(value);
}

double Json::number() const {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return static_cast<double>(*integer);
  }
  if (const auto* natural = std::get_if<std::uint64_t>(&value)) {
    return static_cast<double>(*natural);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return *real;
  }
  const auto* digits = std::get_if<LongInteger>(&value);
  return digits == nullptr ? 0.0 : std::strtod(digits->digits.c_str(), nullptr);
}

const Json* Json::find(std::string_view key) const {
  if (const Object* members = object()) {
    for (const JsonMember& member : *members) {
      if (member.key == key) {
        return &member.value;
      }
    }
  }
  return nullptr;
}

const char* Json::kind_name() const {
  if (is_null()) {
    return "null";
  }
  if (boolean() != nullptr) {
    return "a boolean";
  }
  if (string() != nullptr) {
    return "a string";
  }
  if (array() != nullptr) {
    return "an array";
  }
  return object() != nullptr ? "an object" : "a number";
}

ApiResult<Json> parse_json(std::string_view text) {
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return tl::unexpected(bad_request("", "the request body is empty: send a JSON object"));
  }
  Builder builder;
  if (!nlohmann::json::sax_parse(text, &builder)) {
    return tl::unexpected(bad_request("", std::move(builder.error_)));
  }
  return std::move(builder.root_);
}

std::string dump(const Json& json) {
  std::string out;
  std::visit(Dumper{out}, json.value);
  return out;
}

}  // namespace monocle::api
