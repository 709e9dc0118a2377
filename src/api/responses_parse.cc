// SPDX-License-Identifier: Apache-2.0
#include "api/responses_parse.h"

#include <fmt/format.h>

#include <utility>

#include "api/generation_parse.h"
#include "api/message_parse.h"
#include "api/tool_parse.h"

namespace monocle::api {
namespace {

// What would need a store of earlier responses, or work after the reply.
void refuse_state(const Fields& body) {
  for (const char* name : {"previous_response_id", "conversation", "prompt"}) {
    if (body.find(name) != nullptr) {
      body.problem().add(
          name,
          fmt::format("{} is not supported: this server keeps no responses, send the "
                      "whole conversation as input",
                      name),
          "unsupported_parameter");
    }
  }
  if (body.boolean_or("background", false)) {
    body.problem().add("background", "background is not supported", "unsupported_parameter");
  }
}

void take_call(const Fields& item, ChatRequest& out) {
  // Calls in a row belong to one answer, and so does the text in front of them.
  if (out.messages.empty() || out.messages.back().role != Role::kAssistant) {
    out.messages.push_back({Role::kAssistant, {}, {}});
  }
  parse_past_call(item, out.messages.back().tool_calls);
}

void take_call_output(const Fields& item, MessageContext& context) {
  ChatMessage message;
  message.role = Role::kTool;
  const Json* output = item.find("output");
  if (output == nullptr) {
    context.problem.add(item.path("output"), fmt::format("{} is missing", item.path("output")),
                        "missing_required_parameter");
    return;
  }
  parse_content(*output, item.path("output"), context, message);
  context.out.messages.push_back(std::move(message));
}

void take_item(const Fields& item, MessageContext& context) {
  const std::string type = item.string_or("type", "message");
  if (type == "message") {
    parse_message(item, context);
  } else if (type == "function_call") {
    take_call(item, context.out);
  } else if (type == "function_call_output") {
    take_call_output(item, context);
  } else if (type != "reasoning") {  // the template has no place for it
    context.problem.add(item.path("type"),
                        fmt::format("{} is \"{}\", message, function_call or function_call_output "
                                    "is needed",
                                    item.path("type"), type.substr(0, 64)),
                        "unsupported_value");
  }
}

void parse_input(const Fields& body, MessageContext& context) {
  if (const std::string* instructions = body.string("instructions")) {
    context.out.messages.push_back(
        {Role::kSystem, {{ContentPart::Kind::kText, *instructions}}, {}});
  }
  const Json* input = body.find("input");
  const std::size_t before = context.out.messages.size();
  if (input != nullptr && input->string() != nullptr) {
    ChatMessage message;
    parse_content(*input, "input", context, message);
    context.out.messages.push_back(std::move(message));
  } else if (const Json::Array* items = body.array("input", context.limits.max_messages)) {
    for (std::size_t i = 0; i < items->size() && !context.problem.any(); ++i) {
      const Fields item((*items)[i], at("input", i), context.problem);
      if (!context.problem.any()) {
        take_item(item, context);
      }
    }
  }
  if (context.out.messages.size() == before) {
    context.problem.add("input", "input is missing or empty", "missing_required_parameter");
  }
}

void parse_logprobs(const Fields& body, ResponsesRequest& out) {
  if (const Json::Array* include = body.array("include", 32)) {
    for (const Json& name : *include) {
      out.echo.report_logprobs |=
          name.string() != nullptr && *name.string() == "message.output_text.logprobs";
    }
  }
  const auto top = body.integer("top_logprobs", 0, kMaxTopLogprobs);
  out.echo.report_logprobs |= top.value_or(0) > 0;
  out.chat.generation.logprobs = out.echo.report_logprobs;
  out.chat.generation.top_logprobs = static_cast<std::int32_t>(top.value_or(0));
}

void parse_text(const Fields& body, const ParseLimits& limits, ResponsesRequest& out) {
  const Json* text = body.object("text");
  if (text == nullptr) {
    return;
  }
  const Fields fields(*text, "text", body.problem());
  if (const Json* format = fields.object("format")) {
    out.chat.format =
        parse_format_object(Fields(*format, "text.format", body.problem()), "", limits);
    out.echo.text_json = fmt::format("{{\"format\":{}}}", dump(*format));
  }
}

void fill_echo(const Fields& body, ResponsesRequest& out) {
  const auto copy = [&](std::string_view key, std::string& json) {
    if (const Json* value = body.find(key)) {
      json = dump(*value);
    }
  };
  copy("instructions", out.echo.instructions_json);
  copy("tools", out.echo.tools_json);
  copy("tool_choice", out.echo.tool_choice_json);
  (void)body.object("metadata");
  copy("metadata", out.echo.metadata_json);
  out.echo.temperature = out.chat.generation.temperature;
  out.echo.top_p = out.chat.generation.top_p;
  out.echo.max_output_tokens = out.chat.generation.max_tokens;
  out.echo.parallel_tool_calls = out.chat.parallel_tool_calls;
}

}  // namespace

ApiResult<ResponsesRequest> parse_responses(std::string_view body, const ParseLimits& limits) {
  auto json = parse_json(body);
  if (!json) {
    return tl::unexpected(std::move(json).error());
  }
  Problem problem;
  const Fields fields(*json, "", problem);
  ResponsesRequest out;
  out.chat.model = fields.string_or("model", "");
  refuse_state(fields);
  parse_sampling(fields, limits, out.chat.generation);
  out.chat.generation.n = 1;  // this dialect has one answer
  if (const auto tokens = fields.integer("max_output_tokens", 1, kMaxInt32)) {
    out.chat.generation.max_tokens = static_cast<std::int32_t>(*tokens);
  }
  (void)fields.boolean("store");
  parse_logprobs(fields, out);
  parse_stream(fields, out.chat.stream);
  parse_text(fields, limits, out);
  MessageContext context{limits, parse_processor_kwargs(fields), out.chat, problem};
  parse_input(fields, context);
  parse_tools(fields, ToolShape::kResponses, limits, out.chat);
  settle_system_messages(out.chat);
  fill_echo(fields, out);
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

}  // namespace monocle::api
