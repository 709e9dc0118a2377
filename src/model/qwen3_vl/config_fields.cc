// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/config_fields.h"

#include <limits>
#include <utility>

#include "store/json_text.h"

namespace monocle::qwen3_vl {
namespace {

using Json = nlohmann::json;

// A value as it stands in the file, short enough for a message.
std::string shown(const Json& value) {
  return printable(value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace), 60);
}

// null, false, 0, "", [] and {} switch nothing on.
bool neutral(const Json& value) {
  if (value.is_boolean()) {
    return !value.get<bool>();
  }
  if (value.is_number()) {
    return value.get<double>() == 0.0;
  }
  if (value.is_string()) {
    return value.get_ref<const std::string&>().empty();
  }
  return value.empty();
}

// Not get<int64_t>(): that would wrap an unsigned value from 2^63 up.
std::optional<std::int64_t> as_integer(const Json& value) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return number <= kMost ? std::optional(static_cast<std::int64_t>(number)) : std::nullopt;
  }
  return value.is_number_integer() ? std::optional(value.get<std::int64_t>()) : std::nullopt;
}

}  // namespace

ConfigFields::ConfigFields(const Json& object, std::string path)
    : object_(object), path_(std::move(path)) {}

std::string ConfigFields::name(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

void ConfigFields::refuse(Error error) {
  if (!problem_) {
    problem_ = std::move(error);
  }
}

bool ConfigFields::has(const char* key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

const Json* ConfigFields::value(const char* key) {
  seen_.insert(key);
  if (!has(key)) {
    refuse({ErrorCode::kInvalidArgument, fmt::format("{} is missing", name(key))});
    return nullptr;
  }
  return &*object_.find(key);
}

std::int64_t ConfigFields::integer(const char* key, std::int64_t least, std::int64_t most) {
  const Json* found = value(key);
  if (found == nullptr) {
    return 0;
  }
  const auto number = as_integer(*found);
  if (!number || *number < least || *number > most) {
    refuse({ErrorCode::kInvalidArgument, fmt::format("{} is {}, not an integer from {} to {}",
                                                     name(key), shown(*found), least, most)});
    return 0;
  }
  return *number;
}

std::int32_t ConfigFields::integer32(const char* key, std::int32_t least, std::int32_t most) {
  return static_cast<std::int32_t>(integer(key, least, most));
}

double ConfigFields::number(const char* key, double least, double most) {
  const Json* found = value(key);
  if (found == nullptr) {
    return 0.0;
  }
  const double number =
      found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
  if (!(number >= least && number <= most)) {
    refuse({ErrorCode::kInvalidArgument, fmt::format("{} is {}, not a number from {} to {}",
                                                     name(key), shown(*found), least, most)});
    return 0.0;
  }
  return number;
}

bool ConfigFields::boolean(const char* key) {
  const Json* found = value(key);
  if (found != nullptr && !found->is_boolean()) {
    refuse({ErrorCode::kInvalidArgument,
            fmt::format("{} is {}, not true or false", name(key), shown(*found))});
    return false;
  }
  return found != nullptr && found->get<bool>();
}

std::string ConfigFields::text(const char* key) {
  const Json* found = value(key);
  if (found != nullptr && !found->is_string()) {
    refuse({ErrorCode::kInvalidArgument,
            fmt::format("{} is {}, not a string", name(key), shown(*found))});
    return {};
  }
  return found == nullptr ? std::string() : found->get<std::string>();
}

std::vector<std::int32_t> ConfigFields::integers(const char* key, std::size_t most_entries,
                                                 std::int32_t most) {
  const Json* found = value(key);
  if (found == nullptr) {
    return {};
  }
  std::vector<std::int32_t> list;
  bool good = found->is_array() && found->size() <= most_entries;
  for (std::size_t i = 0; good && i < found->size(); ++i) {
    const auto number = as_integer((*found)[i]);
    good = number && *number >= 0 && *number <= most;
    list.push_back(good ? static_cast<std::int32_t>(*number) : 0);
  }
  if (!good) {
    refuse({ErrorCode::kInvalidArgument,
            fmt::format("{} is {}, not a list of at most {} integers from 0 to {}", name(key),
                        shown(*found), most_entries, most)});
    return {};
  }
  return list;
}

void ConfigFields::require(const char* key, const Json& supported) {
  const Json* found = value(key);
  if (found != nullptr && *found != supported) {
    refuse({ErrorCode::kUnsupported, fmt::format("{} is {}, only {} is supported", name(key),
                                                 shown(*found), shown(supported))});
  }
}

void ConfigFields::require_if_present(const char* key, const Json& supported) {
  if (has(key)) {
    require(key, supported);
  }
}

const Json& ConfigFields::object(const char* key) {
  static const Json kEmpty = Json::object();
  const Json* found = value(key);
  if (found != nullptr && !found->is_object()) {
    refuse({ErrorCode::kInvalidArgument,
            fmt::format("{} is {}, not an object", name(key), shown(*found))});
    return kEmpty;
  }
  return found == nullptr ? kEmpty : *found;
}

std::optional<double> ConfigFields::optional_number(const char* key, double least, double most) {
  return has(key) ? std::optional(number(key, least, most)) : std::nullopt;
}

std::optional<std::int32_t> ConfigFields::optional_integer32(const char* key, std::int32_t least,
                                                             std::int32_t most) {
  return has(key) ? std::optional(integer32(key, least, most)) : std::nullopt;
}

std::optional<bool> ConfigFields::optional_boolean(const char* key) {
  return has(key) ? std::optional(boolean(key)) : std::nullopt;
}

void ConfigFields::ignore(std::span<const std::string_view> keys) {
  seen_.insert(keys.begin(), keys.end());
}

Status ConfigFields::status_so_far() const {
  return problem_ ? Status(tl::unexpected<Error>(*problem_)) : Status();
}

Status ConfigFields::status() const {
  MONOCLE_TRY(status_so_far());
  for (const auto& [key, value] : object_.items()) {
    if (!seen_.contains(key) && !neutral(value)) {
      return fail(ErrorCode::kUnsupported, "{} = {} is not a setting this program honours",
                  name(printable(key)), shown(value));
    }
  }
  return {};
}

}  // namespace monocle::qwen3_vl
