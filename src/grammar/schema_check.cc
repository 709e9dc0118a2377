// SPDX-License-Identifier: Apache-2.0
#include "grammar/schema_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "grammar/pattern_check.h"

namespace monocle {
namespace {

using Json = nlohmann::ordered_json;

enum class Form : std::uint8_t {
  kNote,     // asserts nothing
  kBase,     // changes what references mean
  kFlag,     // only false, which asserts nothing
  kValue,    // a plain value, checked by the compiler
  kCount,    // a non-negative integer that becomes states
  kPattern,  // a regular expression
  kList,     // enum
  kRef,      // a pointer into this document
  kSchema,   // one schema
  kSchemas,  // a list of schemas
  kNamed,    // an object of schemas
  kPatterns  // an object of schemas whose names are regular expressions
};

struct Keyword {
  std::string_view name;
  Form form;
};

constexpr std::array kKeywords{
    Keyword{"$schema", Form::kNote},
    Keyword{"$id", Form::kBase},
    Keyword{"$comment", Form::kNote},
    Keyword{"title", Form::kNote},
    Keyword{"description", Form::kNote},
    Keyword{"default", Form::kNote},
    Keyword{"examples", Form::kNote},
    Keyword{"example", Form::kNote},
    Keyword{"deprecated", Form::kNote},
    Keyword{"readOnly", Form::kNote},
    Keyword{"writeOnly", Form::kNote},
    Keyword{"strict", Form::kNote},
    Keyword{"contentMediaType", Form::kNote},
    Keyword{"contentEncoding", Form::kNote},
    Keyword{"type", Form::kValue},
    Keyword{"const", Form::kValue},
    Keyword{"format", Form::kValue},
    Keyword{"required", Form::kValue},
    Keyword{"minimum", Form::kValue},
    Keyword{"maximum", Form::kValue},
    Keyword{"exclusiveMinimum", Form::kValue},
    Keyword{"exclusiveMaximum", Form::kValue},
    Keyword{"multipleOf", Form::kValue},
    Keyword{"nullable", Form::kNote},
    Keyword{"uniqueItems", Form::kFlag},
    Keyword{"minLength", Form::kCount},
    Keyword{"maxLength", Form::kCount},
    Keyword{"minItems", Form::kCount},
    Keyword{"maxItems", Form::kCount},
    Keyword{"minProperties", Form::kCount},
    Keyword{"maxProperties", Form::kCount},
    Keyword{"pattern", Form::kPattern},
    Keyword{"enum", Form::kList},
    Keyword{"$ref", Form::kRef},
    Keyword{"items", Form::kSchema},
    Keyword{"unevaluatedItems", Form::kSchema},
    Keyword{"additionalProperties", Form::kSchema},
    Keyword{"unevaluatedProperties", Form::kSchema},
    Keyword{"propertyNames", Form::kSchema},
    Keyword{"prefixItems", Form::kSchemas},
    Keyword{"anyOf", Form::kSchemas},
    Keyword{"oneOf", Form::kSchemas},
    Keyword{"allOf", Form::kSchemas},
    Keyword{"properties", Form::kNamed},
    Keyword{"$defs", Form::kNamed},
    Keyword{"definitions", Form::kNamed},
    Keyword{"patternProperties", Form::kPatterns},
};

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

const Keyword* find_keyword(std::string_view name) {
  const auto* found = std::find_if(kKeywords.begin(), kKeywords.end(),
                                   [&](const Keyword& k) { return k.name == name; });
  return found == kKeywords.end() ? nullptr : found;
}

// Definitions only give names to schemas.
bool asserts(std::string_view name) {
  const Keyword* keyword = find_keyword(name);
  return keyword != nullptr && keyword->form != Form::kNote && keyword->form != Form::kBase &&
         keyword->form != Form::kFlag && name != "$defs" && name != "definitions";
}

class Walker {
 public:
  explicit Walker(const GrammarLimits& limits) : limits_(limits) {}

  Status schema(Json& node, const std::string& path, int depth) {
    if (node.is_boolean()) {
      return {};
    }
    if (!node.is_object()) {
      return fail(ErrorCode::kInvalidArgument, "{}: a schema is an object or a boolean, not {}",
                  path, node.type_name());
    }
    if (depth > limits_.depth) {
      return fail(ErrorCode::kTooLarge, "{}: schemas are nested deeper than {}", path,
                  limits_.depth);
    }
    for (auto& [name, value] : node.items()) {
      MONOCLE_TRY(keyword(name, value, path + "." + name, depth));
    }
    MONOCLE_TRY(lead(node, path));
    return patterns_alone(node, path);
  }

 private:
  Status keyword(const std::string& name, Json& value, const std::string& path, int depth) {
    const Keyword* found = find_keyword(name);
    // Vendor notes: "x-..." is for extensions that assert nothing.
    if (found == nullptr && name.starts_with("x-")) {
      return {};
    }
    if (found == nullptr) {
      return fail(ErrorCode::kUnsupported, "{}: the keyword \"{}\" cannot be enforced", path, name);
    }
    switch (found->form) {
      case Form::kNote:
      case Form::kValue:
        return {};
      case Form::kBase:
        return depth == 1 ? Status{}
                          : fail(ErrorCode::kUnsupported,
                                 "{}: only the outermost schema may have an identifier", path);
      case Form::kFlag:
        return value == false ? Status{}
                              : fail(ErrorCode::kUnsupported,
                                     "{}: the keyword \"{}\" cannot be enforced", path, name);
      case Form::kCount:
        return count(value, path);
      case Form::kPattern:
        return pattern(value, path);
      case Form::kList:
        return list(value, path);
      case Form::kRef:
        return reference(value, path);
      case Form::kSchema:
        return schema(value, path, depth + 1);
      case Form::kSchemas:
        return schemas(value, path, depth);
      case Form::kNamed:
      case Form::kPatterns:
        return named(value, path, depth, found->form == Form::kPatterns);
    }
    return {};
  }

  // One keyword decides alone, or the type does.
  static Status lead(Json& node, const std::string& path) {
    const auto* leading = std::find_if(kLeading.begin(), kLeading.end(),
                                       [&](std::string_view name) { return node.contains(name); });
    if (leading == kLeading.end()) {
      add_type(node);
      bound_length(node);
      return {};
    }
    for (const auto& [name, value] : node.items()) {
      if (name == *leading || !asserts(name)) {
        continue;
      }
      if (name == "type" && (*leading == "enum" || *leading == "const")) {
        MONOCLE_TRY(keep_typed(node, *leading, path));
        continue;
      }
      return fail(ErrorCode::kUnsupported, "{}: \"{}\" beside \"{}\" cannot be enforced", path,
                  name, *leading);
    }
    if (*leading == "allOf" && node["allOf"].size() != 1) {
      return fail(ErrorCode::kUnsupported, "{}.allOf: only one schema can be enforced", path);
    }
    return {};
  }

  // Values of another type than the one that stands beside them can never be valid.
  static Status keep_typed(Json& node, std::string_view leading, const std::string& path) {
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

  static void add_type(Json& node) {
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
  static void bound_length(Json& node) {
    const bool bounded = node.contains("minLength") || node.contains("maxLength");
    if (!bounded || node["type"] != "string" || node.contains("pattern") ||
        node.contains("format")) {
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

  // A property that also matches a pattern would have to satisfy both.
  static Status patterns_alone(const Json& node, const std::string& path) {
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

  Status count(const Json& value, const std::string& path) const {
    // 3.0 is an integer in JSON schema.
    const bool whole = value.is_number() && value.get<double>() >= 0 &&
                       value.get<double>() <= static_cast<double>(limits_.repeats);
    if (!whole) {
      return fail(ErrorCode::kTooLarge, "{}: {} is not a number from 0 to {}", path,
                  value.dump().substr(0, 40), limits_.repeats);
    }
    return {};
  }

  Status pattern(const Json& value, const std::string& path) const {
    if (!value.is_string()) {
      return fail(ErrorCode::kInvalidArgument, "{}: must be a string", path);
    }
    return pattern_text(value.get_ref<const std::string&>(), path);
  }

  Status pattern_text(std::string_view text, const std::string& path) const {
    const Status fits =
        check_pattern(text, {limits_.pattern_bytes, limits_.depth, limits_.repeats});
    return fits ? Status{} : prefixed(path, fits.error());
  }

  Status list(const Json& value, const std::string& path) const {
    if (!value.is_array() || value.empty()) {
      return fail(ErrorCode::kInvalidArgument, "{}: must be a list with at least one value", path);
    }
    if (value.size() > limits_.choices) {
      return fail(ErrorCode::kTooLarge, "{}: {} values are more than the limit of {}", path,
                  value.size(), limits_.choices);
    }
    return {};
  }

  static Status reference(const Json& value, const std::string& path) {
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    // Escapes in pointers are read differently by different libraries.
    const bool plain =
        text == "#" || (text.starts_with("#/") && text.find_first_of("~%") == text.npos);
    return plain ? Status{}
                 : fail(ErrorCode::kUnsupported,
                        "{}: only plain references into the same schema (\"#\", \"#/...\") are "
                        "supported",
                        path);
  }

  Status schemas(Json& value, const std::string& path, int depth) {
    if (!value.is_array()) {
      return fail(ErrorCode::kInvalidArgument, "{}: must be a list of schemas", path);
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      MONOCLE_TRY(schema(value[i], path + "[" + std::to_string(i) + "]", depth + 1));
    }
    return {};
  }

  Status named(Json& value, const std::string& path, int depth, bool patterns) {
    if (!value.is_object()) {
      return fail(ErrorCode::kInvalidArgument, "{}: must be an object of schemas", path);
    }
    for (auto& [name, child] : value.items()) {
      if (patterns) {
        MONOCLE_TRY(pattern_text(name, path));
      }
      MONOCLE_TRY(schema(child, path + "." + name, depth + 1));
    }
    return {};
  }

  const GrammarLimits& limits_;
};

}  // namespace

Status prepare_schema(Json& schema, const GrammarLimits& limits) {
  return Walker(limits).schema(schema, "schema", 1);
}

}  // namespace monocle
