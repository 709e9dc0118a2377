// SPDX-License-Identifier: Apache-2.0
#include "api/responses_format.h"

#include <fmt/format.h>

#include "api/errors.h"
#include "api/ids.h"
#include "api/reply_parts.h"
#include "api/responses_item.h"
#include "api/sse.h"

namespace monocle::api {
namespace {

using Item = ResponsesItem;

void write_usage_or_null(JsonWriter& json, const Usage* usage) {
  if (usage == nullptr) {
    json.null();
    return;
  }
  json.open_object().key("input_tokens").integer(usage->prompt_tokens);
  json.key("input_tokens_details").open_object();
  json.key("cached_tokens").integer(usage->cached_tokens);
  json.key("image_tokens").integer(usage->image_tokens);
  json.key("video_tokens").integer(usage->video_tokens).close_object();
  json.key("output_tokens").integer(usage->completion_tokens);
  json.key("output_tokens_details").open_object().key("reasoning_tokens").integer(0);
  json.close_object();
  json.key("total_tokens").integer(usage->prompt_tokens + usage->completion_tokens);
  json.close_object();
}

void write_number_or_null(JsonWriter& json, std::optional<float> value) {
  value ? json.number(static_cast<double>(*value)) : json.null();
}

struct Outcome {
  std::string_view status;  // in_progress, completed, incomplete, failed
  const ApiError* error = nullptr;
  const Usage* usage = nullptr;
  const Timing* timing = nullptr;
};

void write_outcome(JsonWriter& json, const Outcome& outcome) {
  json.key("status").string(outcome.status).key("background").boolean(false).key("error");
  if (outcome.error == nullptr) {
    json.null();
  } else {
    json.open_object().key("code");
    json.string(outcome.error->code.empty() ? "server_error" : outcome.error->code);
    json.key("message").string(outcome.error->message).close_object();
  }
  json.key("incomplete_details");
  if (outcome.status == "incomplete") {
    json.open_object().key("reason").string("max_output_tokens").close_object();
  } else {
    json.null();
  }
}

void write_response(JsonWriter& json, const ReplyHead& head, const ResponsesEcho& echo,
                    std::span<const Item> items, const Outcome& outcome) {
  json.open_object().key("id").string(head.id).key("object").string("response");
  json.key("created_at").integer(head.created);
  write_outcome(json, outcome);
  json.key("instructions").raw(echo.instructions_json).key("max_output_tokens");
  echo.max_output_tokens ? json.integer(*echo.max_output_tokens) : json.null();
  json.key("model").string(head.model).key("output").open_array();
  for (const Item& item : items) {
    item.write(json, outcome.status == "completed" ? "completed" : "incomplete");
  }
  json.close_array();
  json.key("parallel_tool_calls").boolean(echo.parallel_tool_calls);
  json.key("previous_response_id").null();
  json.key("reasoning").open_object().key("effort").null().key("summary").null().close_object();
  json.key("service_tier").string("default").key("store").boolean(false);
  json.key("temperature");
  write_number_or_null(json, echo.temperature);
  json.key("text").raw(echo.text_json).key("tool_choice").raw(echo.tool_choice_json);
  json.key("tools").raw(echo.tools_json).key("top_p");
  write_number_or_null(json, echo.top_p);
  json.key("truncation").string("disabled").key("usage");
  write_usage_or_null(json, outcome.usage);
  json.key("user").null().key("metadata").raw(echo.metadata_json);
  if (outcome.timing != nullptr) {
    json.key("timing_ms");
    write_timing(json, *outcome.timing);
  }
  json.close_object();
}

std::string_view status_of(std::string_view reason) {
  return reason == "length" ? "incomplete" : "completed";
}

}  // namespace

std::string format_response(const ReplyHead& head, const ResponsesEcho& echo, const Choice& choice,
                            const Usage& usage, const Timing& timing) {
  std::vector<Item> items;
  if (!choice.content.empty() || choice.tool_calls.empty()) {
    Item& message = items.emplace_back(Item::message(head.id, items.size()));
    message.text = choice.content;
    message.logprobs = choice.logprobs;
  }
  std::int32_t index = 0;
  for (const ToolCall& call : choice.tool_calls) {
    Item& item = items.emplace_back(
        Item::call(head.id, items.size(), call_id(head.id, choice.index, index++), call.name));
    item.text = call.arguments;
  }
  JsonWriter json;
  write_response(json, head, echo, items,
                 {status_of(choice.finish_reason), nullptr, &usage, &timing});
  return json.take();
}

ResponsesStream::ResponsesStream(ReplyHead head, ResponsesEcho echo)
    : head_(std::move(head)), echo_(std::move(echo)) {}

// `rest`: the event's members behind type and sequence_number, as JSON text.
std::string ResponsesStream::event(std::string_view name, std::string_view rest) {
  return sse_event(
      name, fmt::format(R"({{"type":"{}","sequence_number":{},{}}})", name, sequence_++, rest));
}

std::string ResponsesStream::response_event(std::string_view name, std::string_view status,
                                            const ApiError* error, const Usage* usage,
                                            const Timing* timing) {
  JsonWriter json;
  json.key("response");
  write_response(json, head_, echo_, items_, {status, error, usage, timing});
  return event(name, json.text());
}

std::string ResponsesStream::begin() {
  // In two statements: the numbers go by the order of the calls.
  std::string out = response_event("response.created", "in_progress", nullptr, nullptr, nullptr);
  out += response_event("response.in_progress", "in_progress", nullptr, nullptr, nullptr);
  return out;
}

// "item_id", "output_index" and, for messages, "content_index" of the open item.
void ResponsesStream::place(JsonWriter& json) const {
  json.key("item_id").string(items_.back().id);
  json.key("output_index").integer(static_cast<std::int64_t>(items_.size()) - 1);
  if (!items_.back().is_call()) {
    json.key("content_index").integer(0);
  }
}

std::string ResponsesStream::item_event(std::string_view name, std::string_view status) {
  JsonWriter json;
  json.key("output_index").integer(static_cast<std::int64_t>(items_.size()) - 1).key("item");
  items_.back().write(json, status);
  return event(name, json.text());
}

std::string ResponsesStream::part_event(std::string_view name) {
  JsonWriter json;
  place(json);
  json.key("part");
  items_.back().write_part(json);
  return event(name, json.text());
}

std::string ResponsesStream::open_message() {
  if (item_open_ && !items_.back().is_call()) {
    return {};
  }
  std::string out = close_item("completed");
  items_.push_back(Item::message(head_.id, items_.size()));
  item_open_ = true;
  out += item_event("response.output_item.added", "in_progress");
  return out + part_event("response.content_part.added");
}

std::string ResponsesStream::text(std::string_view piece, std::span<const TokenLogprob> logprobs) {
  std::string out = open_message();
  Item& item = items_.back();
  item.text += piece;
  item.logprobs.insert(item.logprobs.end(), logprobs.begin(), logprobs.end());
  JsonWriter json;
  place(json);
  json.key("delta").string(piece).key("logprobs");
  write_logprobs(json, logprobs);
  return out + event("response.output_text.delta", json.text());
}

std::string ResponsesStream::tool_call_begin(std::string_view call_id, std::string_view name) {
  std::string out = close_item("completed");
  items_.push_back(Item::call(head_.id, items_.size(), std::string(call_id), std::string(name)));
  item_open_ = true;
  return out + item_event("response.output_item.added", "in_progress");
}

std::string ResponsesStream::tool_call_arguments(std::string_view piece) {
  items_.back().text += piece;
  JsonWriter json;
  place(json);
  json.key("delta").string(piece);
  return event("response.function_call_arguments.delta", json.text());
}

std::string ResponsesStream::close_item(std::string_view status) {
  if (!item_open_) {
    return {};
  }
  item_open_ = false;
  const Item& item = items_.back();
  JsonWriter json;
  place(json);
  std::string out;
  if (item.is_call()) {
    json.key("name").string(item.name).key("arguments").string(item.text);
    out = event("response.function_call_arguments.done", json.text());
  } else {
    json.key("text").string(item.text).key("logprobs");
    write_logprobs(json, item.logprobs);
    out = event("response.output_text.done", json.text());
    out += part_event("response.content_part.done");
  }
  return out + item_event("response.output_item.done", status);
}

std::string ResponsesStream::finish(std::string_view reason, const Usage& usage,
                                    const Timing& timing) {
  // An answer of nothing is an empty message.
  std::string out = items_.empty() ? open_message() : std::string();
  const std::string_view status = status_of(reason);
  out += close_item(status);
  return out + response_event(fmt::format("response.{}", status), status, nullptr, &usage, &timing);
}

std::string ResponsesStream::fail(const ApiError& error) {
  item_open_ = false;
  return response_event("response.failed", "failed", &error, nullptr, nullptr);
}

}  // namespace monocle::api
