// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "api/errors.h"
#include "api/ids.h"
#include "api/responses_format.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

using nlohmann::json;
using test::json_of;

ResponsesRequest good(const std::string& body) {
  auto request = parse_responses(body, test::limits());
  EXPECT_TRUE(request) << body << "\n" << (request ? "" : request.error().message);
  return request ? *request : ResponsesRequest{};
}
std::string bad_param(const std::string& body) {
  const auto request = parse_responses(body, test::limits());
  EXPECT_FALSE(request) << body;
  return request ? "" : request.error().param;
}

TEST(Item68, InputStringAndInstructions) {
  const ResponsesRequest request = good(
      R"({"model":"m","input":"hi","instructions":"be brief","max_output_tokens":5,"store":true,
          "temperature":0,"metadata":{"k":"v"},"n":7})");
  ASSERT_EQ(request.chat.messages.size(), 2U);
  EXPECT_EQ(request.chat.messages[0].role, Role::kSystem);
  EXPECT_EQ(request.chat.messages[0].parts[0].text, "be brief");
  EXPECT_EQ(request.chat.messages[1].role, Role::kUser);
  EXPECT_EQ(request.chat.messages[1].parts[0].text, "hi");
  EXPECT_EQ(request.chat.generation.max_tokens, 5);
  EXPECT_EQ(request.chat.generation.n, 1);
  EXPECT_EQ(request.echo.instructions_json, "\"be brief\"");
  EXPECT_EQ(request.echo.metadata_json, R"({"k":"v"})");
  EXPECT_EQ(request.echo.max_output_tokens, 5);
}

TEST(Item68, Items) {
  const ResponsesRequest request = good(
      R"({"input":[{"role":"developer","content":"rules"},
          {"type":"message","role":"user","content":[{"type":"input_text","text":"look"},
             {"type":"input_image","image_url":"data:;base64,QUJD","detail":"low"}]},
          {"type":"reasoning","summary":[]},
          {"type":"message","role":"assistant","content":[{"type":"output_text","text":"I see"}]},
          {"type":"function_call","call_id":"c","name":"f","arguments":"{}"},
          {"type":"function_call","call_id":"d","name":"g","arguments":"{}"},
          {"type":"function_call_output","call_id":"c","output":"1"},
          {"type":"function_call_output","call_id":"d","output":[{"type":"input_text","text":"2"}]}]})");
  const auto& m = request.chat.messages;
  ASSERT_EQ(m.size(), 5U);
  EXPECT_EQ(m[0].role, Role::kSystem);
  EXPECT_EQ(m[1].parts[1].kind, ContentPart::Kind::kImage);
  EXPECT_EQ(request.chat.images[0].bytes, "ABC");
  EXPECT_EQ(request.chat.images[0].max_pixels, 512 * 512);
  EXPECT_EQ(request.chat.images[0].path, "input[1].content[1].image_url");
  EXPECT_EQ(m[2].parts[0].text, "I see");
  ASSERT_EQ(m[2].tool_calls.size(), 2U);
  EXPECT_EQ(m[2].tool_calls[1].name, "g");
  EXPECT_EQ(m[3].role, Role::kTool);
  EXPECT_EQ(m[4].parts[0].text, "2");
}

TEST(Item68, ToolsAndFormatInTheFlatShape) {
  const ResponsesRequest request = good(
      R"({"input":"x","tools":[{"type":"function","name":"f","parameters":{"type":"object"},
            "strict":true}],"tool_choice":{"type":"function","name":"f"},
          "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}},
          "include":["message.output_text.logprobs"],"top_logprobs":3})");
  EXPECT_EQ(request.chat.tools[0].json,
            R"({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, )"
            R"("strict": true}})");
  EXPECT_EQ(request.chat.tool_choice.kind, ToolChoice::Kind::kNamed);
  EXPECT_EQ(request.chat.format.kind, OutputFormat::Kind::kJsonSchema);
  EXPECT_EQ(request.chat.format.path, "text.format.schema");
  EXPECT_TRUE(request.chat.generation.logprobs);
  EXPECT_EQ(request.chat.generation.top_logprobs, 3);
}

TEST(Item68, WhatNeedsAStoreIsRefused) {
  const std::pair<std::string, std::string> table[] = {
      {R"({"input":"x","previous_response_id":"resp_1"})", "previous_response_id"},
      {R"({"input":"x","conversation":"c"})", "conversation"},
      {R"({"input":"x","background":true})", "background"},
      {R"({"input":"x","prompt":{"id":"p"}})", "prompt"},
      {R"({})", "input"},
      {R"({"input":[]})", "input"},
      {R"({"input":5})", "input"},
      {R"({"input":[5]})", "input[0]"},
      {R"({"input":[{"type":"item_reference","id":"x"}]})", "input[0].type"},
      {R"({"input":[{"role":"user","content":[{"type":"input_file","file_data":"x"}]}]})",
       "input[0].content[0]"},
      {R"({"input":[{"role":"user","content":[{"type":"input_image","file_id":"x"}]}]})",
       "input[0].content[0].file_id"},
      {R"({"input":"x","tools":[{"type":"web_search"}]})", "tools[0].type"},
      {R"({"input":"x","max_output_tokens":0})", "max_output_tokens"},
      {R"({"input":"x","text":{"format":{"type":"yaml"}}})", "text.format.type"},
      {R"({"input":[{"type":"function_call_output","call_id":"c"}]})", "input[0].output"},
  };
  for (const auto& [body, param] : table) {
    EXPECT_EQ(bad_param(body), param) << body;
  }
}

const ReplyHead kHead{"resp_12", 1700000000, "demo", "fp"};

TEST(Item68, Object) {
  Choice choice;
  choice.content = "hello";
  choice.tool_calls = {{"f", "{}"}};
  choice.finish_reason = "tool_calls";
  ResponsesEcho echo = good(R"({"input":"x","metadata":{"k":"v"},"max_output_tokens":9})").echo;
  const json reply = json_of(format_response(kHead, echo, choice, {10, 3, 4, 6, 0}, {}));
  EXPECT_EQ(reply["object"], "response");
  EXPECT_EQ(reply["status"], "completed");
  EXPECT_EQ(reply["store"], false);
  EXPECT_EQ(reply["metadata"]["k"], "v");
  EXPECT_EQ(reply["max_output_tokens"], 9);
  ASSERT_EQ(reply["output"].size(), 2U);
  EXPECT_EQ(reply["output"][0]["content"][0]["text"], "hello");
  EXPECT_EQ(reply["output"][0]["content"][0]["annotations"], json::array());
  EXPECT_EQ(reply["output"][1]["type"], "function_call");
  EXPECT_EQ(reply["output"][1]["call_id"], call_id("resp_12", 0, 0));
  EXPECT_NE(reply["output"][0]["id"], reply["output"][1]["id"]);
  EXPECT_EQ(reply["usage"]["input_tokens"], 10);
  EXPECT_EQ(reply["usage"]["total_tokens"], 13);
  EXPECT_EQ(reply["usage"]["input_tokens_details"]["cached_tokens"], 4);
  choice.finish_reason = "length";
  const json cut = json_of(format_response(kHead, {}, choice, {}, {}));
  EXPECT_EQ(cut["status"], "incomplete");
  EXPECT_EQ(cut["incomplete_details"]["reason"], "max_output_tokens");
}

// Calls in a list are made in order, operands of + are not.
std::string joined(std::initializer_list<std::string> pieces) {
  std::string out;
  for (const std::string& piece : pieces) {
    out += piece;
  }
  return out;
}

// The events of a stream; checks frames and numbering.
std::vector<json> events_of(const std::string& bytes) {
  std::vector<json> events;
  std::size_t pos = 0;
  while (pos < bytes.size()) {
    const std::size_t end = bytes.find("\n\n", pos);
    const std::string frame = bytes.substr(pos, end - pos);
    pos = end + 2;
    const std::size_t line = frame.find('\n');
    EXPECT_TRUE(frame.starts_with("event: ")) << frame;
    events.push_back(json_of(frame.substr(line + 7)));
    EXPECT_EQ(events.back()["type"], frame.substr(7, line - 7));
    EXPECT_EQ(events.back()["sequence_number"], events.size() - 1);
  }
  return events;
}
std::vector<std::string> types_of(const std::vector<json>& events) {
  std::vector<std::string> types;
  for (const json& event : events) {
    types.push_back(event["type"]);
  }
  return types;
}

TEST(Item68, EventsOfAText) {
  ResponsesStream stream(kHead, {});
  const std::string bytes = joined({stream.begin(), stream.text("a", {}), stream.text("b", {}),
                                    stream.finish("stop", {1, 2, 0, 0, 0}, {})});
  EXPECT_EQ(bytes.find("[DONE]"), std::string::npos);
  const auto events = events_of(bytes);
  EXPECT_EQ(types_of(events),
            (std::vector<std::string>{"response.created", "response.in_progress",
                                      "response.output_item.added", "response.content_part.added",
                                      "response.output_text.delta", "response.output_text.delta",
                                      "response.output_text.done", "response.content_part.done",
                                      "response.output_item.done", "response.completed"}));
  EXPECT_EQ(events[0]["response"]["status"], "in_progress");
  EXPECT_EQ(events[2]["item"]["content"], json::array());
  EXPECT_EQ(events[5]["delta"], "b");
  EXPECT_EQ(events[6]["text"], "ab");
  EXPECT_EQ(events[7]["part"]["text"], "ab");
  EXPECT_EQ(events[8]["item"]["status"], "completed");
  EXPECT_EQ(events[9]["response"]["output"][0], events[8]["item"]);
  EXPECT_EQ(events[9]["response"]["usage"]["output_tokens"], 2);
  for (std::size_t i = 3; i < 8; ++i) {
    EXPECT_EQ(events[i]["item_id"], events[2]["item"]["id"]);
    EXPECT_EQ(events[i]["content_index"], 0);
    EXPECT_EQ(events[i]["output_index"], 0);
  }
}

TEST(Item68, EventsOfCalls) {
  ResponsesStream stream(kHead, {});
  const auto events =
      events_of(joined({stream.begin(), stream.text("so", {}),
                        stream.tool_call_begin("call_1", "f"), stream.tool_call_arguments("{\"a\""),
                        stream.tool_call_arguments(": 1}"), stream.tool_call_begin("call_2", "g"),
                        stream.tool_call_arguments("{}"), stream.finish("tool_calls", {}, {})}));
  const auto types = types_of(events);
  EXPECT_EQ(std::count(types.begin(), types.end(), "response.output_item.added"), 3);
  EXPECT_EQ(std::count(types.begin(), types.end(), "response.output_item.done"), 3);
  EXPECT_EQ(std::count(types.begin(), types.end(), "response.function_call_arguments.done"), 2);
  const json& output = events.back()["response"]["output"];
  ASSERT_EQ(output.size(), 3U);
  EXPECT_EQ(output[1]["arguments"], "{\"a\": 1}");
  EXPECT_EQ(output[2]["call_id"], "call_2");
}

TEST(Item68, EventsOfNothingOfTooMuchAndOfAFailure) {
  ResponsesStream nothing(kHead, {});
  EXPECT_EQ(events_of(joined({nothing.begin(), nothing.finish("stop", {}, {})})).size(), 8U);
  ResponsesStream cut(kHead, {});
  const auto events =
      events_of(joined({cut.begin(), cut.text("a", {}), cut.finish("length", {}, {})}));
  EXPECT_EQ(events.back()["type"], "response.incomplete");
  EXPECT_EQ(events.back()["response"]["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(events[events.size() - 2]["item"]["status"], "incomplete");
  ResponsesStream failed(kHead, {});
  const auto end =
      events_of(joined({failed.begin(), failed.text("a", {}), failed.fail(internal_error())}));
  EXPECT_EQ(end.back()["type"], "response.failed");
  EXPECT_EQ(end.back()["response"]["status"], "failed");
  EXPECT_EQ(end.back()["response"]["error"]["code"], "internal_error");
}

}  // namespace
}  // namespace monocle::api
