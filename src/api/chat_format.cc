// SPDX-License-Identifier: Apache-2.0
#include "api/chat_format.h"

#include "api/ids.h"
#include "api/reply_parts.h"

namespace monocle::api {
namespace {

void write_logprobs_object(JsonWriter& json, std::span<const TokenLogprob> tokens) {
  json.key("logprobs");
  if (tokens.empty()) {
    json.null();
    return;
  }
  json.open_object().key("content");
  write_logprobs(json, tokens);
  json.key("refusal").null().close_object();
}

void write_message(JsonWriter& json, const ReplyHead& head, const Choice& choice) {
  json.open_object().key("role").string("assistant").key("content");
  if (choice.content.empty() && !choice.tool_calls.empty()) {
    json.null();
  } else {
    json.string(choice.content);
  }
  json.key("refusal").null();
  if (!choice.tool_calls.empty()) {
    json.key("tool_calls").open_array();
    std::int32_t index = 0;
    for (const ToolCall& call : choice.tool_calls) {
      json.open_object().key("id").string(call_id(head.id, choice.index, index++));
      json.key("type").string("function").key("function").open_object();
      json.key("name").string(call.name).key("arguments").string(call.arguments);
      json.close_object().close_object();
    }
    json.close_array();
  }
  json.close_object();
}

}  // namespace

std::string format_chat(const ReplyHead& head, std::span<const Choice> choices, const Usage& usage,
                        const Timing& timing) {
  JsonWriter json;
  open_reply(json, head, "chat.completion");
  json.key("choices").open_array();
  for (const Choice& choice : choices) {
    json.open_object().key("index").integer(choice.index).key("message");
    write_message(json, head, choice);
    write_logprobs_object(json, choice.logprobs);
    json.key("finish_reason").string(choice.finish_reason).close_object();
  }
  json.close_array().key("usage");
  write_usage(json, usage);
  json.key("timing_ms");
  write_timing(json, timing);
  return json.close_object().take();
}

ChatChunks::ChatChunks(ReplyHead head, StreamSettings settings) : settings_(settings) {
  JsonWriter json;
  open_reply(json, head, "chat.completion.chunk");
  head_ = json.take() + ",\"choices\":";
}

std::string ChatChunks::chunk(std::int32_t index, std::string_view delta,
                              std::span<const TokenLogprob> logprobs,
                              std::string_view finish_reason) const {
  JsonWriter json;
  json.open_array().open_object().key("index").integer(index).key("delta").raw(delta);
  write_logprobs_object(json, logprobs);
  json.key("finish_reason");
  write_or_null(json, finish_reason);
  json.close_object().close_array();
  if (settings_.include_usage || settings_.continuous_usage) {
    json.key("usage");
    if (settings_.continuous_usage) {
      write_usage(json, so_far_);
    } else {
      json.null();
    }
  }
  return head_ + json.take() + "}";
}

std::string ChatChunks::role(std::int32_t index) const {
  return chunk(index, R"({"role":"assistant","content":"","refusal":null})", {}, "");
}

std::string ChatChunks::text(std::int32_t index, std::string_view piece,
                             std::span<const TokenLogprob> logprobs) const {
  JsonWriter delta;
  delta.open_object().key("content").string(piece).close_object();
  return chunk(index, delta.text(), logprobs, "");
}

std::string ChatChunks::tool_call_begin(std::int32_t index, std::int32_t call_index,
                                        std::string_view id, std::string_view name) const {
  JsonWriter delta;
  delta.open_object().key("tool_calls").open_array().open_object();
  delta.key("index").integer(call_index).key("id").string(id).key("type").string("function");
  delta.key("function").open_object().key("name").string(name).key("arguments").string("");
  delta.close_object().close_object().close_array().close_object();
  return chunk(index, delta.text(), {}, "");
}

std::string ChatChunks::tool_call_arguments(std::int32_t index, std::int32_t call_index,
                                            std::string_view piece) const {
  JsonWriter delta;
  delta.open_object().key("tool_calls").open_array().open_object();
  delta.key("index").integer(call_index);
  delta.key("function").open_object().key("arguments").string(piece);
  delta.close_object().close_object().close_array().close_object();
  return chunk(index, delta.text(), {}, "");
}

std::string ChatChunks::finish(std::int32_t index, std::string_view reason) const {
  return chunk(index, "{}", {}, reason);
}

std::string ChatChunks::usage(const Usage& usage, const Timing& timing) const {
  JsonWriter json;
  json.open_array().close_array().key("usage");
  write_usage(json, usage);
  json.key("timing_ms");
  write_timing(json, timing);
  return head_ + json.take() + "}";
}

}  // namespace monocle::api
