// SPDX-License-Identifier: Apache-2.0
#include "api/chat_format.h"

#include <set>

#include "api/ids.h"
#include "api/models_format.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

using nlohmann::json;
using test::json_of;

const ReplyHead kHead{"chatcmpl-1", 1700000000, "demo", "fp_1"};

Choice choice(std::string content, std::string reason) {
  Choice out;
  out.content = std::move(content);
  out.finish_reason = std::move(reason);
  return out;
}

TEST(Item20To24, Completion) {
  const json reply = json_of(format_chat(kHead, std::vector{choice("hi", "stop")}, {10, 3, 4, 6, 0},
                                         {1.5, 0, 0, 2, 3, 4, 5}));
  EXPECT_EQ(reply["id"], "chatcmpl-1");
  EXPECT_EQ(reply["object"], "chat.completion");
  EXPECT_EQ(reply["created"], 1700000000);
  EXPECT_EQ(reply["model"], "demo");
  EXPECT_EQ(reply["system_fingerprint"], "fp_1");
  const json& c = reply["choices"][0];
  EXPECT_EQ(c["index"], 0);
  EXPECT_EQ(c["finish_reason"], "stop");
  EXPECT_TRUE(c.contains("logprobs") && c["logprobs"].is_null());
  EXPECT_EQ(c["message"], (json{{"role", "assistant"}, {"content", "hi"}, {"refusal", nullptr}}));
  EXPECT_EQ(reply["usage"],
            (json{{"prompt_tokens", 10},
                  {"completion_tokens", 3},
                  {"total_tokens", 13},
                  {"prompt_tokens_details",
                   {{"cached_tokens", 4}, {"image_tokens", 6}, {"video_tokens", 0}}}}));
  EXPECT_EQ(reply["timing_ms"], (json{{"upload", 1.5},
                                      {"media", 0.0},
                                      {"queue", 0.0},
                                      {"vision", 2.0},
                                      {"prefill", 3.0},
                                      {"decode", 4.0},
                                      {"first_token", 5.0}}));
}

TEST(Item21, ToolCallsAndNullContent) {
  Choice c = choice("", "tool_calls");
  c.tool_calls = {{"f", "{\"a\": 1}"}, {"g", "{}"}};
  const json message = json_of(format_chat(kHead, std::vector{c}, {}, {}))["choices"][0]["message"];
  EXPECT_TRUE(message["content"].is_null());
  ASSERT_EQ(message["tool_calls"].size(), 2U);
  EXPECT_EQ(message["tool_calls"][0]["type"], "function");
  EXPECT_EQ(message["tool_calls"][0]["function"],
            (json{{"name", "f"}, {"arguments", "{\"a\": 1}"}}));
  EXPECT_NE(message["tool_calls"][0]["id"], message["tool_calls"][1]["id"]);
  EXPECT_EQ(message["tool_calls"][1]["id"], call_id("chatcmpl-1", 0, 1));
  c.content = "Let me see.";
  EXPECT_EQ(json_of(format_chat(kHead, std::vector{c}, {}, {}))["choices"][0]["message"]["content"],
            "Let me see.");
  EXPECT_EQ(json_of(format_chat(kHead, std::vector{choice("", "stop")}, {},
                                {}))["choices"][0]["message"]["content"],
            "");
}

TEST(Item43, LogprobsWithBytesOfPartsOfCharacters) {
  Choice c = choice("é", "stop");
  c.logprobs = {{"\xc3", 1, -0.25F, {{"\xc3", 1, -0.25F, {}}, {"e", 2, -2.0F, {}}}},
                {"\xa9", 2, -1.0F, {}}};
  const json content =
      json_of(format_chat(kHead, std::vector{c}, {}, {}))["choices"][0]["logprobs"]["content"];
  EXPECT_EQ(content[0]["bytes"], json{0xc3});
  EXPECT_EQ(content[0]["logprob"], -0.25);
  EXPECT_EQ(content[0]["token"], "\xef\xbf\xbd");
  EXPECT_EQ(content[0]["top_logprobs"][1]["token"], "e");
  EXPECT_TRUE(content[1]["top_logprobs"].empty());
}

TEST(Item53, ChunksOfOneStream) {
  const ChatChunks chunks(kHead, {true, false, false});
  const json role = json_of(chunks.role(0));
  EXPECT_EQ(role["choices"][0]["delta"],
            (json{{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}));
  EXPECT_TRUE(role["choices"][0]["finish_reason"].is_null());
  const json text = json_of(chunks.text(1, "a\nb", {}));
  EXPECT_EQ(text["choices"][0]["index"], 1);
  EXPECT_EQ(text["choices"][0]["delta"], (json{{"content", "a\nb"}}));
  const json finish = json_of(chunks.finish(1, "stop"));
  EXPECT_EQ(finish["choices"][0]["delta"], json::object());
  EXPECT_EQ(finish["choices"][0]["finish_reason"], "stop");
  for (const json& chunk : {role, text, finish}) {
    EXPECT_EQ(chunk["id"], "chatcmpl-1");
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["created"], 1700000000);
    EXPECT_EQ(chunk["model"], "demo");
    EXPECT_FALSE(chunk.contains("usage"));
  }
  EXPECT_EQ(chunks.text(0, "a\nb", {}).find('\n'), std::string::npos);
}

TEST(Item54, UsageChunk) {
  const ChatChunks chunks(kHead, {true, true, false});
  EXPECT_TRUE(json_of(chunks.text(0, "x", {}))["usage"].is_null());
  EXPECT_TRUE(json_of(chunks.text(0, "x", {})).contains("usage"));
  const json last = json_of(chunks.usage({5, 6, 0, 0, 0}, {}));
  EXPECT_EQ(last["choices"], json::array());
  EXPECT_EQ(last["usage"]["total_tokens"], 11);
  EXPECT_TRUE(last.contains("timing_ms"));
}

TEST(Item55, ContinuousUsage) {
  ChatChunks chunks(kHead, {true, true, true});
  chunks.count({5, 1, 0, 0, 0});
  EXPECT_EQ(json_of(chunks.text(0, "x", {}))["usage"]["completion_tokens"], 1);
  chunks.count({5, 2, 0, 0, 0});
  EXPECT_EQ(json_of(chunks.text(0, "y", {}))["usage"]["completion_tokens"], 2);
}

TEST(Item60, ToolCallDeltas) {
  const ChatChunks chunks(kHead, {true, false, false});
  const json begin = json_of(chunks.tool_call_begin(0, 1, "call_x", "f"))["choices"][0]["delta"];
  EXPECT_EQ(begin["tool_calls"][0], (json{{"index", 1},
                                          {"id", "call_x"},
                                          {"type", "function"},
                                          {"function", {{"name", "f"}, {"arguments", ""}}}}));
  const json more = json_of(chunks.tool_call_arguments(0, 1, "{\"a"))["choices"][0]["delta"];
  EXPECT_EQ(more["tool_calls"][0], (json{{"index", 1}, {"function", {{"arguments", "{\"a"}}}}));
}

TEST(Item61, LogprobsPerChunk) {
  const ChatChunks chunks(kHead, {true, false, false});
  const json text =
      json_of(chunks.text(0, "a", std::vector<TokenLogprob>{{"a", 1, -1.0F, {}}}))["choices"][0];
  EXPECT_EQ(text["logprobs"]["content"][0]["token"], "a");
  EXPECT_TRUE(text["logprobs"]["refusal"].is_null());
}

TEST(Ids, AreRandomAndCallIdsAreNot) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = make_id("chatcmpl-");
    EXPECT_EQ(id.size(), 9U + 32U);
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(call_id("a", 0, 0), call_id("a", 0, 0));
  EXPECT_NE(call_id("a", 0, 1), call_id("a", 1, 0));
  EXPECT_NE(call_id("a", 0, 0), call_id("b", 0, 0));
}

TEST(Item16To18, Models) {
  const ModelEntry entry{"org/demo", "models/demo", 1700000000, 4096, true, false, false, true};
  const json list = json_of(format_models(std::vector{entry, entry}));
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 2U);
  const json model = json_of(format_model(entry));
  EXPECT_EQ(list["data"][0], model);
  EXPECT_EQ(model["id"], "org/demo");
  EXPECT_EQ(model["object"], "model");
  EXPECT_EQ(model["created"], 1700000000);
  EXPECT_TRUE(model["owned_by"].is_string());
  EXPECT_EQ(model["max_model_len"], 4096);
  EXPECT_EQ(model["permission"], json::array());
  EXPECT_EQ(model["capabilities"], (json{{"image", true}, {"video", false}, {"pdf", false}}));
  EXPECT_EQ(model["demo"], true);
}

}  // namespace
}  // namespace monocle::api
