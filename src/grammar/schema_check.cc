// SPDX-License-Identifier: Apache-2.0
#include "grammar/schema_check.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "grammar/pattern_check.h"
#include "grammar/schema_form.h"

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

const Keyword* find_keyword(std::string_view name) {
  const auto* found = std::find_if(kKeywords.begin(), kKeywords.end(),
                                   [&](const Keyword& k) { return k.name == name; });
  return found == kKeywords.end() ? nullptr : found;
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
    return make_enforceable(node, path);
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
