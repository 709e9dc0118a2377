// SPDX-License-Identifier: Apache-2.0
// What form the answer must have: OpenAI's response_format, vLLM's guided_* fields and its newer
// structured_outputs object.
#include <fmt/format.h>

#include <utility>

#include "api/generation_parse.h"

namespace monocle::api {
namespace {

using Kind = OutputFormat::Kind;

OutputFormat checked(Kind kind, std::string text, std::string path, const ParseLimits& limits,
                     Problem& problem) {
  if (text.empty() || text.size() > limits.max_schema_bytes) {
    problem.add(path,
                fmt::format("{} has {} bytes, 1 to {} are possible", path, text.size(),
                            limits.max_schema_bytes),
                "invalid_value");
  }
  OutputFormat format;
  format.kind = kind;
  format.text = std::move(text);
  format.path = std::move(path);
  return format;
}

// A schema as an object, or as JSON text of one.
OutputFormat schema(const Json& value, const std::string& path, const ParseLimits& limits,
                    Problem& problem) {
  if (value.object() != nullptr) {
    return checked(Kind::kJsonSchema, dump(value), path, limits, problem);
  }
  if (value.string() == nullptr) {
    problem.wrong_type(path, value, "a JSON schema object");
    return {};
  }
  const auto parsed = parse_json(*value.string());
  if (!parsed || parsed->object() == nullptr) {
    problem.add(path, fmt::format("{} is a string that is not the JSON text of an object", path),
                "invalid_value");
    return {};
  }
  return checked(Kind::kJsonSchema, dump(*parsed), path, limits, problem);
}

OutputFormat choice(const Fields& holder, std::string_view key, const ParseLimits& limits) {
  OutputFormat format;
  format.kind = Kind::kChoice;
  format.path = holder.path(key);
  const Json::Array* items = holder.array(key, limits.max_choices);
  if (items == nullptr) {
    return format;
  }
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < items->size(); ++i) {
    const std::string* text = (*items)[i].string();
    if (text == nullptr) {
      holder.problem().wrong_type(at(format.path, i), (*items)[i], "a string");
      return format;
    }
    bytes += text->size();
    format.choices.push_back(*text);
  }
  if (bytes == 0 || bytes > limits.max_schema_bytes) {
    holder.problem().add(format.path,
                         fmt::format("{} has {} choices of {} bytes together, 1 to {} bytes are "
                                     "possible",
                                     format.path, items->size(), bytes, limits.max_schema_bytes),
                         "invalid_value");
  }
  return format;
}

// The first request for a form wins the field, a second one is a problem.
class Chosen {
 public:
  explicit Chosen(Problem& problem) : problem_(&problem) {}

  void take(OutputFormat format) {
    if (format.kind == Kind::kText) {
      return;
    }
    if (format_.kind != Kind::kText) {
      problem_->add(format.path,
                    fmt::format("{} and {} both ask for a form of the answer, only one is possible",
                                format_.path, format.path),
                    "invalid_value");
    }
    format_ = std::move(format);
  }
  OutputFormat result() { return std::move(format_); }

 private:
  Problem* problem_;
  OutputFormat format_;
};

// The four constraints under `prefix`: guided_json and structured_outputs.json are the same thing.
void take_constraints(const Fields& holder, const std::string& prefix, const ParseLimits& limits,
                      Chosen& chosen) {
  Problem& problem = holder.problem();
  const std::string json = prefix + "json";
  if (const Json* value = holder.find(json)) {
    chosen.take(schema(*value, holder.path(json), limits, problem));
  }
  for (const auto& [name, kind] :
       {std::pair{prefix + "regex", Kind::kRegex}, std::pair{prefix + "grammar", Kind::kEbnf}}) {
    if (const std::string* text = holder.string(name)) {
      chosen.take(checked(kind, *text, holder.path(name), limits, problem));
    }
  }
  if (holder.find(prefix + "choice") != nullptr) {
    chosen.take(choice(holder, prefix + "choice", limits));
  }
  if (holder.boolean_or(prefix + "json_object", false)) {
    OutputFormat format;
    format.kind = Kind::kJsonObject;
    format.path = holder.path(prefix + "json_object");
    chosen.take(std::move(format));
  }
}

}  // namespace

OutputFormat parse_format_object(const Fields& format, std::string_view schema_holder,
                                 const ParseLimits& limits) {
  Problem& problem = format.problem();
  const std::string type = format.string_or("type", "text");
  OutputFormat out;
  out.path = format.path();
  if (type == "text") {
    return out;
  }
  if (type == "json_object") {
    out.kind = Kind::kJsonObject;
    return out;
  }
  if (type != "json_schema") {
    problem.add(format.path("type"),
                fmt::format("{} is \"{}\", text, json_object or json_schema is needed",
                            format.path("type"), type.substr(0, 64)),
                "invalid_value");
    return out;
  }
  const Json* inner = schema_holder.empty() ? nullptr : format.object(schema_holder);
  if (!schema_holder.empty() && inner == nullptr) {
    problem.add(format.path(schema_holder),
                fmt::format("{} is missing", format.path(schema_holder)),
                "missing_required_parameter");
    return out;
  }
  const Fields holder =
      inner == nullptr ? format : Fields(*inner, format.path(schema_holder), problem);
  (void)holder.string("name");
  (void)holder.string("description");
  const Json* value = holder.object("schema");
  if (value == nullptr) {
    problem.add(holder.path("schema"), fmt::format("{} is missing", holder.path("schema")),
                "missing_required_parameter");
    return out;
  }
  out = checked(Kind::kJsonSchema, dump(*value), holder.path("schema"), limits, problem);
  out.strict = holder.boolean_or("strict", true);
  return out;
}

OutputFormat parse_output_format(const Fields& body, const ParseLimits& limits) {
  Chosen chosen(body.problem());
  if (const Json* format = body.object("response_format")) {
    chosen.take(parse_format_object(Fields(*format, "response_format", body.problem()),
                                    "json_schema", limits));
  }
  take_constraints(body, "guided_", limits, chosen);
  if (const Json* outputs = body.object("structured_outputs")) {
    const Fields fields(*outputs, "structured_outputs", body.problem());
    fields.only({"json", "regex", "choice", "grammar", "json_object", "disable_any_whitespace",
                 "whitespace_pattern"});
    take_constraints(fields, "", limits, chosen);
  }
  return chosen.result();
}

}  // namespace monocle::api
