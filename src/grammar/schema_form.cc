// SPDX-License-Identifier: Apache-2.0
#include "grammar/schema_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace monocle {
namespace {

using Json = nlohmann::ordered_json;

// The automata follow the first of these and ignore what stands beside it.
constexpr std::array<std::string_view, 6> kLeading{"$ref",  "const", "enum",
                                                   "anyOf", "oneOf", "allOf"};

// Which type a keyword speaks about. JSON schema lets it pass all other types; we choose that type.
struct Family {
  std::string_view type;
  std::array<std::string_view, 8> keywords;
};
constexpr std::array kFamilies{
    Family{"object",
           {"properties", "required", "additionalProperties", "unevaluatedProperties",
            "patternProperties", "propertyNames", "minProperties", "maxProperties"}},
    Family{"array", {"items", "prefixItems", "unevaluatedItems", "minItems", "maxItems"}},
    Family{"string", {"pattern", "minLength", "maxLength", "format"}},
    Family{"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
};

bool has_type(const Json& value, std::string_view type) {
  if (type == "integer") {
    return value.is_number_integer() ||
           (value.is_number() && value.get<double>() == std::floor(value.get<double>()));
  }
  return (type == "object" && value.is_object()) || (type == "array" && value.is_array()) ||
         (type == "string" && value.is_string()) || (type == "number" && value.is_number()) ||
         (type == "boolean" && value.is_boolean()) || (type == "null" && value.is_null());
}

// type: a name or a list of names.
bool has_any_type(const Json& value, const Json& type) {
  if (type.is_string()) {
    return has_type(value, type.get_ref<const std::string&>());
  }
  return type.is_array() && std::any_of(type.begin(), type.end(),
                                        [&](const Json& one) { return has_any_type(value, one); });
}

// Keywords that may stand beside the leading one: notes, and definitions, which only give names.
bool asserts(std::string_view name) {
  constexpr std::array<std::string_view, 9> kConstrain{
      "$ref", "const", "enum", "anyOf", "oneOf", "allOf", "type", "items", "prefixItems"};
  return std::find(kConstrain.begin(), kConstrain.end(), name) != kConstrain.end() ||
         std::any_of(kFamilies.begin(), kFamilies.end(), [&](const Family& family) {
           return std::find(family.keywords.begin(), family.keywords.end(), name) !=
                  family.keywords.end();
         });
}

// Values of another type than the one that stands beside them can never be valid.
Status keep_typed(Json& node, std::string_view leading, const std::string& path) {
  const Json type = node["type"];
  bool any = leading == "const" && has_any_type(node["const"], type);
  if (leading == "enum") {
    Json kept = Json::array();
    for (const Json& value : node["enum"]) {
      if (has_any_type(value, type)) {
        kept.push_back(value);
      }
    }
    any = !kept.empty();
    node["enum"] = std::move(kept);
  }
  return any ? Status{}
             : fail(ErrorCode::kInvalidArgument, "{}: no value of \"{}\" is of type {}", path,
                    leading, type.dump());
}

void add_type(Json& node) {
  if (node.contains("type")) {
    return;
  }
  for (const Family& family : kFamilies) {
    for (const std::string_view name : family.keywords) {
      if (!name.empty() && node.contains(name)) {
        node["type"] = family.type;
        return;
      }
    }
  }
}

// The compiler's own form of a length lets control characters into the string.
void bound_length(Json& node) {
  const bool bounded = node.contains("minLength") || node.contains("maxLength");
  if (!bounded || node["type"] != "string" || node.contains("pattern") || node.contains("format")) {
    return;
  }
  const auto length = [&](const char* name) {
    return node.contains(name) ? fmt::format("{}", node[name].get<double>()) : std::string();
  };
  const std::string least = length("minLength");
  node["pattern"] =
      R"([^"\\\x00-\x1f]{)" + (least.empty() ? "0" : least) + "," + length("maxLength") + "}";
  node.erase("minLength");
  node.erase("maxLength");
}

// Formats assert nothing unless a validator is told so; those whose expressions are sound are
// kept.
void drop_format(Json& node) {
  constexpr std::array<std::string_view, 7> kKept{"date", "time", "date-time", "email",
                                                  "ipv4", "ipv6", "uuid"};
  if (node.contains("format") &&
      std::find(kKept.begin(), kKept.end(), node["format"]) == kKept.end()) {
    node.erase("format");
  }
}

// The compiler demands required properties only where it knows them.
Status name_required(Json& node, const std::string& path) {
  if (!node.contains("required")) {
    return {};
  }
  const Json other =
      node.value("additionalProperties", node.value("unevaluatedProperties", Json(true)));
  const Json required = node["required"];  // a copy: adding a property moves the members
  if (!required.is_array()) {
    return fail(ErrorCode::kInvalidArgument, "{}.required: must be a list of names", path);
  }
  for (const Json& name : required) {
    if (!name.is_string()) {
      return fail(ErrorCode::kInvalidArgument, "{}.required: must be a list of names", path);
    }
    const std::string& key = name.get_ref<const std::string&>();
    if (node.contains("properties") && node["properties"].contains(key)) {
      continue;
    }
    if (other == false || node.contains("patternProperties") || node.contains("propertyNames")) {
      return fail(ErrorCode::kUnsupported,
                  "{}.required: \"{}\" is not among the properties, which cannot be enforced", path,
                  key);
    }
    node["properties"][key] = other == true ? Json::object() : other;
  }
  return {};
}

// A property that also matches a pattern would have to satisfy both.
Status patterns_alone(const Json& node, const std::string& path) {
  const bool several = node.contains("patternProperties") &&
                       (node["patternProperties"].size() > 1 ||
                        (node.contains("properties") && !node["properties"].empty()) ||
                        node.contains("propertyNames"));
  return several ? fail(ErrorCode::kUnsupported,
                        "{}.patternProperties: can be enforced only as a single pattern without "
                        "\"properties\" and \"propertyNames\"",
                        path)
                 : Status{};
}

// One keyword decides alone, or the type does.
Status lead(Json& node, const std::string& path) {
  const auto* leading = std::find_if(kLeading.begin(), kLeading.end(),
                                     [&](std::string_view name) { return node.contains(name); });
  if (leading == kLeading.end()) {
    add_type(node);
    bound_length(node);
    drop_format(node);
    return name_required(node, path);
  }
  for (const auto& [name, value] : node.items()) {
    if (name == *leading || !asserts(name)) {
      continue;
    }
    if (name == "type" && (*leading == "enum" || *leading == "const")) {
      MONOCLE_TRY(keep_typed(node, *leading, path));
      continue;
    }
    return fail(ErrorCode::kUnsupported, "{}: \"{}\" beside \"{}\" cannot be enforced", path, name,
                *leading);
  }
  if (*leading == "allOf" && node["allOf"].size() != 1) {
    return fail(ErrorCode::kUnsupported, "{}.allOf: only one schema can be enforced", path);
  }
  return {};
}

}  // namespace

Status make_enforceable(Json& node, const std::string& path) {
  MONOCLE_TRY(lead(node, path));
  return patterns_alone(node, path);
}

}  // namespace monocle
