// SPDX-License-Identifier: Apache-2.0
#include "api/tool_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/json_writer.h"
#include "text/python_json.h"

namespace monocle::api {
namespace {

constexpr std::size_t kMaxName = 128;
constexpr std::size_t kMaxPastName = 1024;

bool name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_-.:/").find(c) != std::string_view::npos;
}

// The name goes into the prompt's JSON and into the grammar of a call as it stands.
std::string name_of(const Fields& function) {
  const std::string* name = function.string("name");
  const bool usable = name != nullptr && !name->empty() && name->size() <= kMaxName &&
                      std::all_of(name->begin(), name->end(), name_character);
  if (!usable) {
    function.problem().add(
        function.path("name"),
        fmt::format("{} is \"{}\", 1 to {} letters, digits, _ - . : / are needed",
                    function.path("name"), name == nullptr ? "" : name->substr(0, 64), kMaxName),
        "invalid_value");
    return {};
  }
  return *name;
}

std::string python_json(const Json& value, const std::string& path, Problem& problem) {
  auto text = to_python_json(dump(value));
  if (!text) {
    problem.add(path, fmt::format("{}: {}", path, text.error().message), "invalid_value");
    return {};
  }
  return std::move(*text);
}

// The definition as the chat template shows it: always in the chat shape.
std::string shown(const Json& tool, const Fields& function, ToolShape shape) {
  if (shape == ToolShape::kChat) {
    return python_json(tool, function.path(), function.problem());
  }
  Json inner{Json::Object{}};
  for (const JsonMember& member : *tool.object()) {
    if (member.key != "type") {
      std::get<Json::Object>(inner.value).push_back(member);
    }
  }
  Json outer{Json::Object{}};
  auto& members = std::get<Json::Object>(outer.value);
  members.push_back({"type", Json{std::string("function")}});
  members.push_back({"function", std::move(inner)});
  return python_json(outer, function.path(), function.problem());
}

void parse_tool(const Json& value, const std::string& path, ToolShape shape,
                const ParseLimits& limits, ChatRequest& out, Problem& problem) {
  const Fields tool(value, path, problem);
  const std::string type = tool.string_or("type", "function");
  if (type != "function") {
    problem.add(tool.path("type"),
                fmt::format("{} is \"{}\", only function tools are supported", tool.path("type"),
                            type.substr(0, 64)),
                "unsupported_value");
    return;
  }
  const Json* inner = shape == ToolShape::kChat ? tool.object("function") : &value;
  if (inner == nullptr) {
    problem.add(tool.path("function"), fmt::format("{} is missing", tool.path("function")),
                "missing_required_parameter");
  }
  if (problem.any()) {
    return;
  }
  const Fields function =
      shape == ToolShape::kChat ? Fields(*inner, tool.path("function"), problem) : tool;
  ToolDefinition definition;
  definition.name = name_of(function);
  (void)function.string("description");
  definition.strict = function.boolean_or("strict", false);
  if (const Json* parameters = function.object("parameters")) {
    definition.parameters = dump(*parameters);
    if (definition.parameters.size() > limits.max_schema_bytes) {
      problem.add(function.path("parameters"),
                  fmt::format("{} has {} bytes, the limit is {}", function.path("parameters"),
                              definition.parameters.size(), limits.max_schema_bytes),
                  "invalid_value");
    }
  }
  if (problem.any()) {
    return;
  }
  for (const ToolDefinition& other : out.tools) {
    if (other.name == definition.name) {
      problem.add(function.path("name"),
                  fmt::format("{} is \"{}\", which an earlier tool has", function.path("name"),
                              definition.name),
                  "invalid_value");
      return;
    }
  }
  definition.json = shown(value, function, shape);
  out.tools.push_back(std::move(definition));
}

void parse_named_choice(const Fields& choice, ToolShape shape, ChatRequest& out) {
  Problem& problem = choice.problem();
  const std::string type = choice.string_or("type", "function");
  if (type != "function") {
    problem.add(choice.path("type"),
                fmt::format("{} is \"{}\", only function is supported", choice.path("type"),
                            type.substr(0, 64)),
                "unsupported_value");
    return;
  }
  // Some clients use the other dialect's shape here; both say the same.
  const Json* inner = choice.object("function");
  const Fields function =
      inner == nullptr ? choice : Fields(*inner, choice.path("function"), problem);
  const std::string* name = function.string("name");
  if (name == nullptr) {
    const std::string path =
        shape == ToolShape::kChat ? choice.path("function.name") : choice.path("name");
    problem.add(path, fmt::format("{} is missing", path), "missing_required_parameter");
    return;
  }
  out.tool_choice = {ToolChoice::Kind::kNamed, *name};
  const bool known = std::any_of(out.tools.begin(), out.tools.end(),
                                 [&](const ToolDefinition& tool) { return tool.name == *name; });
  if (!known) {
    problem.add(function.path("name"),
                fmt::format("{} is \"{}\", which is not among the tools", function.path("name"),
                            name->substr(0, 64)),
                "invalid_value");
  }
}

void parse_tool_choice(const Fields& body, ToolShape shape, ChatRequest& out) {
  const Json* choice = body.find("tool_choice");
  if (choice == nullptr) {
    return;
  }
  Problem& problem = body.problem();
  const std::string* word = choice->string();
  if (word == nullptr) {
    if (choice->object() == nullptr) {
      problem.wrong_type("tool_choice", *choice, "a string or an object");
      return;
    }
    parse_named_choice(Fields(*choice, "tool_choice", problem), shape, out);
    return;
  }
  if (*word == "none") {
    out.tool_choice.kind = ToolChoice::Kind::kNone;
  } else if (*word == "required" || *word == "any") {
    out.tool_choice.kind = ToolChoice::Kind::kRequired;
  } else if (*word != "auto") {
    problem.add("tool_choice",
                fmt::format("tool_choice is \"{}\", none, auto, required or a function is needed",
                            word->substr(0, 64)),
                "invalid_value");
  }
  if (out.tool_choice.kind == ToolChoice::Kind::kRequired && out.tools.empty()) {
    problem.add("tool_choice", "tool_choice is \"required\" and there are no tools",
                "invalid_value");
  }
}

}  // namespace

void parse_tools(const Fields& body, ToolShape shape, const ParseLimits& limits, ChatRequest& out) {
  Problem& problem = body.problem();
  for (const char* old : {"functions", "function_call"}) {
    if (body.find(old) != nullptr) {
      problem.add(old, fmt::format("{} is not supported, use tools and tool_choice", old),
                  "unsupported_parameter");
    }
  }
  if (const Json::Array* tools = body.array("tools", limits.max_tools)) {
    for (std::size_t i = 0; i < tools->size() && !problem.any(); ++i) {
      parse_tool((*tools)[i], at("tools", i), shape, limits, out, problem);
    }
  }
  parse_tool_choice(body, shape, out);
  out.parallel_tool_calls = body.boolean_or("parallel_tool_calls", true);
}

void parse_past_call(const Fields& call, std::vector<ToolCall>& out) {
  ToolCall past;
  past.arguments = "{}";
  const std::string* name = call.string("name");
  if (name == nullptr || name->empty() || name->size() > kMaxPastName) {
    call.problem().add(call.path("name"),
                       fmt::format("{} has {} bytes, 1 to {} are possible", call.path("name"),
                                   name == nullptr ? 0 : name->size(), kMaxPastName),
                       "invalid_value");
    return;
  }
  // The template puts it between quotes; what a model once invented must not break out of them.
  append_string(past.name, *name);
  past.name = past.name.substr(1, past.name.size() - 2);
  if (const Json* arguments = call.find("arguments")) {
    if (const std::string* text = arguments->string()) {
      // Rendered as it came: it is what the model wrote.
      past.arguments = text->empty() ? "{}" : *text;
    } else if (arguments->object() != nullptr) {
      past.arguments = python_json(*arguments, call.path("arguments"), call.problem());
    } else {
      call.problem().wrong_type(call.path("arguments"), *arguments, "a string of JSON text");
    }
  }
  out.push_back(std::move(past));
}

void parse_past_calls(const Fields& message, const ParseLimits& limits,
                      std::vector<ToolCall>& out) {
  const Json::Array* calls = message.array("tool_calls", limits.max_tools);
  if (calls == nullptr) {
    return;
  }
  Problem& problem = message.problem();
  for (std::size_t i = 0; i < calls->size() && !problem.any(); ++i) {
    const Fields call((*calls)[i], at(message.path("tool_calls"), i), problem);
    const Json* function = call.object("function");
    if (function == nullptr) {
      problem.add(call.path("function"), fmt::format("{} is missing", call.path("function")),
                  "missing_required_parameter");
      return;
    }
    parse_past_call(Fields(*function, call.path("function"), problem), out);
  }
}

}  // namespace monocle::api
