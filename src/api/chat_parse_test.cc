// SPDX-License-Identifier: Apache-2.0
#include "api/chat_parse.h"

#include "api/test_requests.h"

namespace monocle::api {
namespace {

using test::bad;
using test::bad_param;
using test::chat_of;
using test::chat_with;
using test::good;
using test::part;

TEST(Item07, UnknownFieldsAreIgnoredWrongTypesAreNot) {
  EXPECT_EQ(good(chat_with(R"("vendor_extra":{"a":[1]},"x":null)")).messages.size(), 1U);
  const std::pair<std::string, std::string> table[] = {
      {R"("temperature":"hot")", "temperature"},
      {R"("temperature":[1])", "temperature"},
      {R"("stream":1)", "stream"},
      {R"("stream_options":true)", "stream_options"},
      {R"("stream_options":{"include_usage":"yes"})", "stream_options.include_usage"},
      {R"("max_tokens":"5")", "max_tokens"},
      {R"("max_tokens":1.5)", "max_tokens"},
      {R"("model":7)", "model"},
      {R"("tools":{})", "tools"},
      {R"("response_format":"json")", "response_format"},
      {R"("logprobs":3)", "logprobs"},
      {R"("stop":5)", "stop"},
      {R"("stop":["a",5])", "stop[1]"},
      {R"("seed":1e30)", "seed"},
      {R"("messages":"hi")", "messages"},
      {R"("messages":[5])", "messages[0]"},
      {R"("messages":[{"role":"user","content":5}])", "messages[0].content"},
      {R"("messages":[{"role":5,"content":"x"}])", "messages[0].role"},
      {R"("messages":[{"role":"user","content":[5]}])", "messages[0].content[0]"},
      {R"("messages":[])", "messages"},
  };
  for (const auto& [member, param] : table) {
    const ApiError error = bad(chat_with(member));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.param, param) << member;
    EXPECT_NE(error.message.find(param), std::string::npos) << error.message;
  }
  for (const std::string body : {"[]", "5", "\"x\"", "null", "{}"}) {
    EXPECT_EQ(bad(body).status, 400) << body;
  }
  // null is the same as absent, for every field.
  good(chat_with(
      R"("temperature":null,"stop":null,"tools":null,"tool_choice":null,"response_format":null,
         "logit_bias":null,"n":null,"stream":null,"stream_options":null,"max_tokens":null)"));
}

TEST(Item26, ContentStringArrayNull) {
  const ChatRequest request = good(chat_of(
      R"({"role":"system","content":[{"type":"text","text":"be brief"}]},
         {"role":"user","content":"hi"},
         {"role":"assistant","content":null,"tool_calls":[]},
         {"role":"assistant"},
         {"role":"user","content":[{"type":"text","text":"a"},{"text":"b"},"c"]},
         {"role":"user","content":[]},
         {"role":"tool","tool_call_id":"x","content":"42"})"));
  ASSERT_EQ(request.messages.size(), 7U);
  EXPECT_EQ(request.messages[0].role, Role::kSystem);
  EXPECT_EQ(request.messages[0].parts[0].text, "be brief");
  EXPECT_TRUE(request.messages[2].parts.empty());
  ASSERT_EQ(request.messages[4].parts.size(), 3U);
  EXPECT_EQ(request.messages[4].parts[1].text, "b");
  EXPECT_EQ(request.messages[4].parts[2].text, "c");
  EXPECT_EQ(request.messages[6].role, Role::kTool);
  EXPECT_EQ(bad_param(chat_of(R"({"role":"user","content":null})")), "messages[0].content");
  EXPECT_EQ(bad_param(chat_of(R"({"role":"user"})")), "messages[0].content");
  EXPECT_EQ(bad_param(chat_of(R"({"content":"x"})")), "messages[0].role");
  EXPECT_EQ(bad_param(chat_of(R"({"role":"function","name":"f","content":"x"})")),
            "messages[0].role");
  EXPECT_EQ(bad_param(part(R"({"type":"text"})")), "messages[0].content[0].text");
  EXPECT_EQ(bad_param(part(R"({"type":"hologram"})")), "messages[0].content[0].type");
}

TEST(Item26, SystemMessagesAreJoinedInFrontAndWarnedOfLater) {
  const ChatRequest request = good(chat_of(
      R"({"role":"system","content":"one"},{"role":"developer","content":"two"},
         {"role":"user","content":"hi"},{"role":"system","content":"late"})"));
  ASSERT_EQ(request.messages.size(), 3U);
  std::string system;
  for (const ContentPart& p : request.messages[0].parts) {
    system += p.text;
  }
  EXPECT_EQ(system, "one\n\ntwo");
  ASSERT_EQ(request.warnings.size(), 1U);
}

TEST(Item35, TheOrderOfPartsIsKept) {
  const std::string image = R"({"type":"image_url","image_url":"data:;base64,QUI="})";
  const ChatRequest request = good(part(R"({"type":"text","text":"1"},)" + image +
                                        R"(,{"type":"text","text":"2"},)" + image + "," + image));
  ASSERT_EQ(request.messages[0].parts.size(), 5U);
  using Kind = ContentPart::Kind;
  const Kind kinds[] = {Kind::kText, Kind::kImage, Kind::kText, Kind::kImage, Kind::kImage};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(request.messages[0].parts[i].kind, kinds[i]);
  }
  EXPECT_EQ(request.images.size(), 3U);
  for (const std::string role : {"system", "assistant"}) {
    const ApiError error = bad(chat_of(R"({"role":")" + role + R"(","content":[)" + image + "]}"));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.param, "messages[0].content[0]");
  }
}

TEST(Item34And37, PartsThatAreNotThereYetAreNamed) {
  const std::pair<std::string, std::string> table[] = {
      {R"({"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,QQ"}})",
       "PDF"},
      {R"({"type":"input_audio","input_audio":{"data":"QQ","format":"wav"}})", "input_audio"},
      {R"({"file":{}})", "PDF"},
  };
  for (const auto& [json, word] : table) {
    const ApiError error = bad(part(json));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.code, "unsupported_modality") << json;
    EXPECT_EQ(error.param, "messages[0].content[0]");
    EXPECT_NE(error.message.find(word), std::string::npos) << error.message;
  }
  EXPECT_EQ(bad(chat_with(R"("modalities":["text","audio"])")).code, "unsupported_modality");
  good(chat_with(R"("modalities":["text"])"));
}

TEST(Item38, Base64InTextIsWarnedOf) {
  const std::string blob(10'000, 'A');
  EXPECT_EQ(good(chat_of(R"({"role":"user","content":"see )" + blob + R"("})")).warnings.size(),
            1U);
  EXPECT_EQ(good(part(R"({"type":"text","text":")" + blob + R"("})")).warnings.size(), 1U);
  std::string words;
  for (int i = 0; i < 5000; ++i) {
    words += "word ";
  }
  EXPECT_TRUE(good(chat_of(R"({"role":"user","content":")" + words + R"("})")).warnings.empty());
}

TEST(Item46, TemplateArgumentsAreAnAllowList) {
  EXPECT_TRUE(
      good(chat_with(R"("chat_template_kwargs":{"add_vision_id":true})")).chat.add_vision_id);
  EXPECT_EQ(good(chat_with(R"("chat_template_kwargs":{"enable_thinking":false})")).warnings.size(),
            1U);
  EXPECT_EQ(bad_param(chat_with(R"("chat_template_kwargs":{"chat_template":"{{x}}"})")),
            "chat_template_kwargs.chat_template");
  EXPECT_EQ(bad_param(chat_with(R"("chat_template_kwargs":{"tokenize":true})")),
            "chat_template_kwargs.tokenize");
  EXPECT_EQ(bad_param(chat_with(R"("chat_template":"{{x}}")")), "chat_template");
}

TEST(Item47, ContinueFinalMessage) {
  EXPECT_TRUE(good(chat_with("")).chat.add_generation_prompt);
  EXPECT_FALSE(good(chat_with(R"("add_generation_prompt":false)")).chat.add_generation_prompt);
  const std::string messages =
      R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"I am"}],)";
  const ChatRequest request = good(messages + R"("continue_final_message":true})");
  EXPECT_TRUE(request.continue_final_message);
  EXPECT_FALSE(request.chat.add_generation_prompt);
  EXPECT_EQ(bad_param(messages + R"("continue_final_message":true,"add_generation_prompt":true})"),
            "continue_final_message");
  EXPECT_EQ(bad_param(chat_with(R"("continue_final_message":true)")), "continue_final_message");
}

TEST(Item25And48, FieldsThatAreAcceptedAndDoNothing) {
  good(chat_with(
      R"("user":"u","metadata":{"a":"b"},"store":true,"safety_identifier":"s","service_tier":"auto",
         "prompt_cache_key":"k","reasoning_effort":"low","verbosity":"low")"));
}

TEST(Item45, ToolMessagesMayHoldPictures) {
  const ChatRequest request = good(chat_of(
      R"({"role":"user","content":"look"},
         {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",
            "function":{"name":"shot","arguments":"{\"x\": 1}"}}]},
         {"role":"tool","tool_call_id":"c1","content":[{"type":"text","text":"done"},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,QUI="}}]})"));
  ASSERT_EQ(request.messages[1].tool_calls.size(), 1U);
  EXPECT_EQ(request.messages[1].tool_calls[0].name, "shot");
  EXPECT_EQ(request.messages[1].tool_calls[0].arguments, "{\"x\": 1}");
  EXPECT_EQ(request.messages[2].parts[1].kind, ContentPart::Kind::kImage);
  EXPECT_EQ(request.images[0].path, "messages[2].content[1].image_url.url");
}

TEST(Limits, MessagesAndPictures) {
  ParseLimits limits = test::limits();
  limits.max_messages = 2;
  limits.max_images = 1;
  const std::string message = R"({"role":"user","content":"x"})";
  EXPECT_TRUE(parse_chat(chat_of(message + "," + message), limits));
  EXPECT_FALSE(parse_chat(chat_of(message + "," + message + "," + message), limits));
  const std::string image = R"({"type":"image_url","image_url":"data:;base64,QUI="})";
  EXPECT_TRUE(parse_chat(part(image), limits));
  const auto two = parse_chat(part(image + "," + image), limits);
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code, "too_many_images");
}

}  // namespace
}  // namespace monocle::api
