// SPDX-License-Identifier: Apache-2.0
#include "api/chat_parse.h"

#include <fmt/format.h>

#include <utility>

#include "api/chat_fields.h"
#include "api/generation_parse.h"
#include "api/message_parse.h"
#include "api/tool_parse.h"

namespace monocle::api {
namespace {

void parse_logprobs(const Fields& body, Generation& out) {
  out.logprobs = body.boolean_or("logprobs", false);
  const auto top = body.integer("top_logprobs", 0, kMaxTopLogprobs);
  if (top && *top > 0 && !out.logprobs) {
    body.problem().add("top_logprobs", "top_logprobs needs logprobs to be true", "invalid_value");
  }
  out.top_logprobs = static_cast<std::int32_t>(top.value_or(0));
}

// Keyword arguments of the chat template: only those that cannot change what the template does to
// other people's text.
void parse_template_fields(const Fields& body, ChatRequest& out) {
  if (body.find("chat_template") != nullptr) {
    body.problem().add("chat_template",
                       "chat_template is not supported: the model's own template is built in",
                       "unsupported_parameter");
  }
  auto prompt = body.boolean("add_generation_prompt");
  bool go_on = body.boolean_or("continue_final_message", false);
  if (const Json* kwargs = body.object("chat_template_kwargs")) {
    const Fields fields(*kwargs, "chat_template_kwargs", body.problem());
    fields.only(
        {"add_vision_id", "add_generation_prompt", "continue_final_message", "enable_thinking"});
    out.chat.add_vision_id = fields.boolean_or("add_vision_id", false);
    if (const auto inner = fields.boolean("add_generation_prompt")) {
      prompt = inner;
    }
    go_on = fields.boolean_or("continue_final_message", go_on);
    if (fields.boolean("enable_thinking")) {
      out.warnings.emplace_back(
          "chat_template_kwargs.enable_thinking has no effect: the template of this model has no "
          "such switch");
    }
  }
  if (go_on && prompt.value_or(false)) {
    body.problem().add("continue_final_message",
                       "continue_final_message and add_generation_prompt cannot both be true",
                       "invalid_value");
  }
  out.continue_final_message = go_on;
  out.chat.add_generation_prompt = prompt.value_or(!go_on);
}

void check_final_message(ChatRequest& out, Problem& problem) {
  if (!out.continue_final_message || problem.any()) {
    return;
  }
  const ChatMessage& last = out.messages.back();
  if (last.role != Role::kAssistant || !last.tool_calls.empty()) {
    problem.add("continue_final_message",
                "continue_final_message needs the last message to be the assistant's text",
                "invalid_value");
  }
}

void refuse_audio(const Fields& body) {
  if (const Json::Array* modalities = body.array("modalities", 8)) {
    for (std::size_t i = 0; i < modalities->size(); ++i) {
      const std::string* name = (*modalities)[i].string();
      if (name == nullptr || *name != "text") {
        body.problem().add(at("modalities", i),
                           fmt::format("{}: this model answers in text only", at("modalities", i)),
                           "unsupported_modality");
      }
    }
  }
}

}  // namespace

void parse_conversation(const Fields& body, const ParseLimits& limits, ChatRequest& out) {
  out.model = body.string_or("model", "");
  parse_template_fields(body, out);
  MessageContext context{limits, parse_processor_kwargs(body), out, body.problem()};
  parse_messages(body, context);
  check_final_message(out, body.problem());
  parse_tools(body, ToolShape::kChat, limits, out);
  settle_system_messages(out);
}

ApiResult<ChatRequest> parse_chat(std::string_view body, const ParseLimits& limits) {
  auto json = parse_json(body);
  if (!json) {
    return tl::unexpected(std::move(json).error());
  }
  Problem problem;
  const Fields fields(*json, "", problem);
  ChatRequest out;
  // The cheap fields first: a request that is wrong there costs no picture.
  parse_sampling(fields, limits, out.generation);
  parse_logprobs(fields, out.generation);
  const auto old_name = fields.integer("max_tokens", 1, kMaxInt32);
  const auto max_tokens = fields.integer("max_completion_tokens", 1, kMaxInt32);
  if (max_tokens || old_name) {
    out.generation.max_tokens = static_cast<std::int32_t>(max_tokens ? *max_tokens : *old_name);
  }
  parse_stream(fields, out.stream);
  refuse_audio(fields);
  out.format = parse_output_format(fields, limits);
  parse_conversation(fields, limits, out);
  if (problem.any()) {
    return tl::unexpected(problem.take());
  }
  return out;
}

}  // namespace monocle::api
