// SPDX-License-Identifier: Apache-2.0
#include "api/completion_format.h"
#include "api/test_requests.h"
#include "api/tokenize_format.h"
#include "api/tokenize_parse.h"

namespace monocle::api {
namespace {

using test::json_of;

CompletionRequest good(const std::string& body) {
  auto request = parse_completion(body, test::limits());
  EXPECT_TRUE(request) << body;
  return request ? *request : CompletionRequest{};
}
std::string bad_param(const std::string& body) {
  const auto request = parse_completion(body, test::limits());
  EXPECT_FALSE(request) << body;
  return request ? "" : request.error().param;
}

TEST(Item67, Prompts) {
  EXPECT_EQ(good(R"({"prompt":"a"})").prompts[0].text, "a");
  EXPECT_EQ(good(R"({"prompt":["a","b"]})").prompts[1].text, "b");
  EXPECT_EQ(good(R"({"prompt":[1,2,999]})").prompts[0].token_ids,
            (std::vector<std::int32_t>{1, 2, 999}));
  EXPECT_EQ(good(R"({"prompt":[[1],[2,3]]})").prompts[1].token_ids.size(), 2U);
  EXPECT_EQ(good(R"({"prompt":[[1],"b"]})").prompts.size(), 2U);
  const std::pair<std::string, std::string> table[] = {
      {"{}", "prompt"},
      {R"({"prompt":""})", "prompt"},
      {R"({"prompt":[]})", "prompt"},
      {R"({"prompt":[[]]})", "prompt[0]"},
      {R"({"prompt":["a",""]})", "prompt[1]"},
      {R"({"prompt":[1000]})", "prompt[0]"},
      {R"({"prompt":[[1],[-1]]})", "prompt[1][0]"},
      {R"({"prompt":[1,"a"]})", "prompt[1]"},
      {R"({"prompt":{"a":1}})", "prompt"},
      {R"({"prompt":[null]})", "prompt[0]"},
  };
  for (const auto& [body, param] : table) {
    EXPECT_EQ(bad_param(body), param) << body;
  }
}

TEST(Item67, OldFields) {
  const CompletionRequest request =
      good(R"({"prompt":"a","logprobs":0,"suffix":"","best_of":1,"stream":true})");
  EXPECT_TRUE(request.generation.logprobs);
  EXPECT_EQ(request.generation.top_logprobs, 0);
  EXPECT_EQ(request.generation.max_tokens, 16);
  EXPECT_TRUE(request.stream.stream);
  EXPECT_TRUE(good(R"({"prompt":"a","echo":true})").echo);
  EXPECT_EQ(bad_param(R"({"prompt":"a","suffix":"x"})"), "suffix");
  EXPECT_EQ(bad_param(R"({"prompt":"a","best_of":4})"), "best_of");
  EXPECT_EQ(bad_param(R"({"prompt":"a","best_of":1000000})"), "best_of");
  EXPECT_EQ(bad_param(R"({"prompt":"a","echo":true,"logprobs":1})"), "logprobs");
  EXPECT_EQ(bad_param(R"({"prompt":"a","max_tokens":0})"), "max_tokens");
  EXPECT_EQ(bad_param(R"({"prompt":"a","logprobs":true})"), "logprobs");
}

TEST(Item67, ObjectInTheOldShape) {
  Choice choice;
  choice.content = "é!";
  choice.finish_reason = "length";
  choice.logprobs = {{"é", 5, -0.5F, {{"é", 5, -0.5F, {}}, {"e", 6, -1.5F, {}}}},
                     {"!", 7, -1.0F, {}}};
  const auto json = json_of(
      format_completion({"cmpl-1", 7, "m", "fp"}, std::vector{choice}, {3, 2, 1, 0, 0}, {}));
  EXPECT_EQ(json["object"], "text_completion");
  EXPECT_EQ(json["choices"][0]["text"], "é!");
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
  const auto& logprobs = json["choices"][0]["logprobs"];
  EXPECT_EQ(logprobs["tokens"], (nlohmann::json{"é", "!"}));
  EXPECT_EQ(logprobs["text_offset"], (nlohmann::json{0, 1}));  // characters, not bytes
  EXPECT_EQ(logprobs["top_logprobs"][0].size(), 2U);
  EXPECT_EQ(logprobs["top_logprobs"][1], (nlohmann::json{{"!", -1.0}}));
  EXPECT_EQ(json["usage"]["total_tokens"], 5);
}

TEST(Item67, Stream) {
  CompletionChunks chunks({"cmpl-1", 7, "m", ""}, {true, true, false});
  const auto first =
      json_of(chunks.text(0, "你好", std::vector<TokenLogprob>{{"你好", 1, -1, {}}}));
  EXPECT_EQ(first["object"], "text_completion");
  EXPECT_EQ(first["choices"][0]["text"], "你好");
  EXPECT_TRUE(first["usage"].is_null());
  const auto second = json_of(chunks.text(0, "!", std::vector<TokenLogprob>{{"!", 2, -1, {}}}));
  EXPECT_EQ(second["choices"][0]["logprobs"]["text_offset"][0], 2);
  const auto other = json_of(chunks.text(1, "x", std::vector<TokenLogprob>{{"x", 2, -1, {}}}));
  EXPECT_EQ(other["choices"][0]["logprobs"]["text_offset"][0], 0);
  const auto last = json_of(chunks.finish(0, "stop"));
  EXPECT_EQ(last["choices"][0]["text"], "");
  EXPECT_EQ(last["choices"][0]["finish_reason"], "stop");
  const auto usage = json_of(chunks.usage({1, 2, 0, 0, 0}, {}));
  EXPECT_TRUE(usage["choices"].empty());
  EXPECT_EQ(usage["usage"]["completion_tokens"], 2);
}

TEST(Item71, TokenizeAndBack) {
  const auto prompt =
      parse_tokenize(R"({"prompt":"a","return_token_strs":true,"model":"m"})", test::limits());
  ASSERT_TRUE(prompt);
  EXPECT_EQ(prompt->prompt, "a");
  EXPECT_TRUE(prompt->return_token_strs);
  EXPECT_FALSE(prompt->chat);
  EXPECT_TRUE(parse_tokenize(R"({"prompt":""})", test::limits()));
  const auto chat = parse_tokenize(
      R"({"messages":[{"role":"user","content":"x"}],"add_generation_prompt":false})",
      test::limits());
  ASSERT_TRUE(chat && chat->chat);
  EXPECT_FALSE(chat->chat->chat.add_generation_prompt);
  EXPECT_FALSE(parse_tokenize("{}", test::limits()));
  EXPECT_EQ(parse_detokenize(R"({"tokens":[1,2]})", test::limits())->tokens.size(), 2U);
  EXPECT_EQ(parse_detokenize(R"({"tokens":[1,1000]})", test::limits()).error().param, "tokens[1]");
  EXPECT_FALSE(parse_detokenize("{}", test::limits()));

  const auto reply = json_of(format_tokenize({{5, 6, 7}, 4096, 2, 9, {}}));
  EXPECT_EQ(reply["count"], 3);
  EXPECT_EQ(reply["tokens"], (nlohmann::json{5, 6, 7}));
  EXPECT_EQ(reply["max_model_len"], 4096);
  EXPECT_EQ(reply["image_tokens"], 2);
  EXPECT_EQ(reply["video_tokens"], 9);
  EXPECT_TRUE(reply["token_strs"].is_null());
  EXPECT_EQ(json_of(format_tokenize({{5}, 1, 0, 0, {"\xff"}}))["token_strs"][0], "\xef\xbf\xbd");
  EXPECT_EQ(json_of(format_detokenize("a\"b"))["prompt"], "a\"b");
}

TEST(Estimate, Shape) {
  Estimate estimate;
  estimate.prompt_tokens = 300;
  estimate.image_tokens = 256;
  estimate.images = {{1024, 768, 992, 736, 713}};
  estimate.kv_bytes = std::int64_t{1} << 40;
  estimate.vision_ms = 1.5;
  estimate.fits = false;
  const auto json = json_of(format_estimate(estimate));
  EXPECT_EQ(json["images"][0], (nlohmann::json{{"width", 1024},
                                               {"height", 768},
                                               {"sent_width", 992},
                                               {"sent_height", 736},
                                               {"tokens", 713}}));
  EXPECT_EQ(json["kv_bytes"], std::int64_t{1} << 40);
  EXPECT_EQ(json["predicted_ms"]["vision"], 1.5);
  EXPECT_TRUE(json["predicted_ms"].contains("decode_per_token"));
  EXPECT_EQ(json["fits"], false);
}

}  // namespace
}  // namespace monocle::api
