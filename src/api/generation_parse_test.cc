// SPDX-License-Identifier: Apache-2.0
#include "api/generation_parse.h"

#include <cstdint>

#include "api/test_requests.h"

namespace monocle::api {
namespace {

using test::bad;
using test::bad_param;
using test::chat_with;
using test::good;

Generation generation(const std::string& members) { return good(chat_with(members)).generation; }

TEST(Item39, Sampling) {
  const Generation g = generation(
      R"("temperature":0.5,"top_p":1,"top_k":20,"min_p":0.1,"presence_penalty":-2,
         "frequency_penalty":2,"repetition_penalty":1.1,"seed":-1,"include_stop_str_in_output":true)");
  EXPECT_FLOAT_EQ(*g.temperature, 0.5F);
  EXPECT_FLOAT_EQ(*g.top_p, 1.0F);
  EXPECT_EQ(g.top_k, 20);
  EXPECT_FLOAT_EQ(*g.min_p, 0.1F);
  EXPECT_FLOAT_EQ(*g.presence_penalty, -2.0F);
  EXPECT_FLOAT_EQ(*g.frequency_penalty, 2.0F);
  EXPECT_FLOAT_EQ(*g.repetition_penalty, 1.1F);
  EXPECT_EQ(g.seed, ~std::uint64_t{0});
  EXPECT_TRUE(g.include_stop);
  const Generation none = generation("");
  EXPECT_FALSE(none.temperature || none.top_p || none.top_k || none.min_p || none.seed ||
               none.max_tokens || none.logprobs);
  EXPECT_EQ(generation(R"("top_k":-1)").top_k, 0);
  EXPECT_EQ(generation(R"("seed":9223372036854775807)").seed, std::uint64_t{INT64_MAX});
}

TEST(Item39, BoundsOfEveryNumber) {
  const std::string table[] = {R"("temperature":-0.01)",
                               R"("temperature":2.01)",
                               R"("top_p":1.01)",
                               R"("top_p":-1)",
                               R"("min_p":2)",
                               R"("top_k":-2)",
                               R"("presence_penalty":2.5)",
                               R"("frequency_penalty":-2.5)",
                               R"("repetition_penalty":0)",
                               R"("repetition_penalty":11)",
                               R"("seed":9223372036854775808)",
                               R"("top_k":1e100)",
                               R"("temperature":1e308)"};
  for (const std::string& member : table) {
    const ApiError error = bad(chat_with(member));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ("\"" + error.param + "\"", member.substr(0, member.find(':'))) << error.message;
  }
}

TEST(Item39, Stop) {
  EXPECT_EQ(generation(R"("stop":"END")").stop, std::vector<std::string>{"END"});
  EXPECT_EQ(generation(R"("stop":["a","b"])").stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(generation(R"("stop":[])").stop.empty());
  EXPECT_TRUE(generation(R"("stop":"")").stop.empty());
  std::string many = "\"a\"";
  for (int i = 0; i < 15; ++i) {
    many += ",\"a\"";
  }
  EXPECT_EQ(generation("\"stop\":[" + many + "]").stop.size(), 16U);
  EXPECT_EQ(bad_param(chat_with("\"stop\":[" + many + ",\"a\"]")), "stop");
  EXPECT_EQ(bad_param(chat_with(R"("stop":["a",""])")), "stop[1]");
  EXPECT_EQ(bad_param(chat_with("\"stop\":\"" + std::string(257, 'x') + "\"")), "stop");
  EXPECT_EQ(generation(R"("stop_token_ids":[0,999])").stop_token_ids.size(), 2U);
  EXPECT_EQ(bad_param(chat_with(R"("stop_token_ids":[1000])")), "stop_token_ids[0]");
}

TEST(Item40, MaxTokens) {
  EXPECT_EQ(generation(R"("max_tokens":5)").max_tokens, 5);
  EXPECT_EQ(generation(R"("max_completion_tokens":6)").max_tokens, 6);
  EXPECT_EQ(generation(R"("max_tokens":5,"max_completion_tokens":6)").max_tokens, 6);
  EXPECT_EQ(generation(R"("max_tokens":2147483647)").max_tokens, 2147483647);
  for (const std::string value : {"0", "-1", "2147483648", "1e30", "0.5"}) {
    EXPECT_EQ(bad_param(chat_with("\"max_tokens\":" + value)), "max_tokens");
    EXPECT_EQ(bad_param(chat_with("\"max_completion_tokens\":" + value)), "max_completion_tokens");
  }
}

TEST(Item41, NumberOfAnswers) {
  EXPECT_EQ(generation(R"("n":16)").n, 16);
  EXPECT_EQ(generation("").n, 1);
  for (const std::string value : {"0", "17", "-1", "1000000", "1e6", "99999999999999999999"}) {
    EXPECT_EQ(bad_param(chat_with("\"n\":" + value)), "n") << value;
  }
}

TEST(Item42, LogitBias) {
  const Generation g = generation(R"("logit_bias":{"5":-100,"999":100,"7":0.5})");
  ASSERT_EQ(g.logit_bias.size(), 3U);
  EXPECT_EQ(g.logit_bias[1], (std::pair<std::int32_t, float>{999, 100.0F}));
  EXPECT_TRUE(generation(R"("logit_bias":{})").logit_bias.empty());
  for (const std::string key : {"1000", "-1", "x", "1x", "", " 1", "1.0", "99999999999999999999"}) {
    EXPECT_EQ(bad_param(chat_with("\"logit_bias\":{\"" + key + "\":1}")), "logit_bias") << key;
  }
  EXPECT_EQ(bad_param(chat_with(R"("logit_bias":{"5":101})")), "logit_bias.5");
  EXPECT_EQ(bad_param(chat_with(R"("logit_bias":{"5":"1"})")), "logit_bias.5");
  EXPECT_EQ(bad_param(chat_with(R"("logit_bias":[1])")), "logit_bias");
}

TEST(Item43, Logprobs) {
  const Generation g = generation(R"("logprobs":true,"top_logprobs":20)");
  EXPECT_TRUE(g.logprobs);
  EXPECT_EQ(g.top_logprobs, 20);
  EXPECT_EQ(generation(R"("logprobs":true)").top_logprobs, 0);
  EXPECT_EQ(bad_param(chat_with(R"("logprobs":true,"top_logprobs":21)")), "top_logprobs");
  EXPECT_EQ(bad_param(chat_with(R"("top_logprobs":2)")), "top_logprobs");
}

TEST(Item44, ResponseFormat) {
  using Kind = OutputFormat::Kind;
  const auto format = [](const std::string& members) { return good(chat_with(members)).format; };
  EXPECT_EQ(format("").kind, Kind::kText);
  EXPECT_EQ(format(R"("response_format":{"type":"text"})").kind, Kind::kText);
  EXPECT_EQ(format(R"("response_format":{"type":"json_object"})").kind, Kind::kJsonObject);
  const OutputFormat schema = format(
      R"("response_format":{"type":"json_schema","json_schema":{"name":"x","strict":false,
         "schema":{"type":"object","properties":{"z":{"type":"string"},"a":{}}}}})");
  EXPECT_EQ(schema.kind, Kind::kJsonSchema);
  EXPECT_EQ(schema.text, R"({"type":"object","properties":{"z":{"type":"string"},"a":{}}})");
  EXPECT_EQ(schema.path, "response_format.json_schema.schema");
  EXPECT_FALSE(schema.strict);
  EXPECT_EQ(format(R"("guided_json":{"type":"object"})").text, R"({"type":"object"})");
  EXPECT_EQ(format(R"("guided_json":"{\"type\": \"object\"}")").text, R"({"type":"object"})");
  EXPECT_EQ(format(R"("guided_regex":"[ab]+")").kind, Kind::kRegex);
  EXPECT_EQ(format(R"("guided_grammar":"root ::= \"a\"")").kind, Kind::kEbnf);
  EXPECT_EQ(format(R"("guided_choice":["yes","no"])").choices,
            (std::vector<std::string>{"yes", "no"}));
  EXPECT_EQ(format(R"("structured_outputs":{"regex":"a"})").kind, Kind::kRegex);
  EXPECT_EQ(format(R"("structured_outputs":{"json_object":true})").kind, Kind::kJsonObject);
  EXPECT_EQ(format(R"("structured_outputs":{"choice":["a"]})").path, "structured_outputs.choice");
}

TEST(Item44, WrongFormatsAreRefusedNeverIgnored) {
  const std::pair<std::string, std::string> table[] = {
      {R"("response_format":{"type":"xml"})", "response_format.type"},
      {R"("response_format":{"type":"json_schema"})", "response_format.json_schema"},
      {R"("response_format":{"type":"json_schema","json_schema":{}})",
       "response_format.json_schema.schema"},
      {R"("response_format":{"type":"json_schema","json_schema":{"schema":"x"}})",
       "response_format.json_schema.schema"},
      {R"("guided_json":5)", "guided_json"},
      {R"("guided_json":"{")", "guided_json"},
      {R"("guided_regex":"")", "guided_regex"},
      {R"("guided_choice":[])", "guided_choice"},
      {R"("guided_choice":["a",1])", "guided_choice[1]"},
      {R"("structured_outputs":{"structural_tag":"x"})", "structured_outputs.structural_tag"},
      {R"("guided_regex":"a","guided_choice":["a"])", "guided_choice"},
      {R"("response_format":{"type":"json_object"},"guided_regex":"a")", "guided_regex"},
  };
  for (const auto& [member, param] : table) {
    EXPECT_EQ(bad_param(chat_with(member)), param) << member;
  }
  const std::string big(300'000, 'a');
  EXPECT_EQ(bad_param(chat_with("\"guided_regex\":\"" + big + "\"")), "guided_regex");
}

TEST(Item45, Tools) {
  const std::string tools =
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
         "parameters":{"type":"object","properties":{"b":{"type":"number"},"a":{}}}}},
         {"type":"function","function":{"name":"g"}}])";
  const ChatRequest request = good(chat_with(tools));
  ASSERT_EQ(request.tools.size(), 2U);
  EXPECT_EQ(request.tools[0].name, "f");
  EXPECT_TRUE(request.tools[0].strict);
  EXPECT_EQ(request.tools[0].parameters,
            R"({"type":"object","properties":{"b":{"type":"number"},"a":{}}})");
  EXPECT_EQ(request.tools[1].json, R"({"type": "function", "function": {"name": "g"}})");
  EXPECT_EQ(request.tools[1].parameters, "");
  EXPECT_EQ(request.tool_choice.kind, ToolChoice::Kind::kAuto);
  EXPECT_TRUE(request.parallel_tool_calls);
  const auto choice = [&](const std::string& value) {
    return chat_with(tools + ",\"tool_choice\":" + value);
  };
  EXPECT_EQ(good(choice("\"none\"")).tool_choice.kind, ToolChoice::Kind::kNone);
  EXPECT_EQ(good(choice("\"required\"")).tool_choice.kind, ToolChoice::Kind::kRequired);
  const ChatRequest named = good(choice(R"({"type":"function","function":{"name":"g"}})"));
  EXPECT_EQ(named.tool_choice.kind, ToolChoice::Kind::kNamed);
  EXPECT_EQ(named.tool_choice.name, "g");
  EXPECT_EQ(bad_param(choice(R"({"type":"function","function":{"name":"h"}})")),
            "tool_choice.function.name");
  EXPECT_EQ(bad_param(choice("\"sometimes\"")), "tool_choice");
  EXPECT_EQ(bad_param(choice("5")), "tool_choice");
  EXPECT_EQ(bad_param(chat_with(R"("tool_choice":"required")")), "tool_choice");
  EXPECT_FALSE(good(chat_with(tools + ",\"parallel_tool_calls\":false")).parallel_tool_calls);
}

TEST(Item45, WrongTools) {
  const auto tool = [](const std::string& json) { return chat_with("\"tools\":[" + json + "]"); };
  EXPECT_EQ(bad_param(tool("5")), "tools[0]");
  EXPECT_EQ(bad_param(tool(R"({"type":"web_search"})")), "tools[0].type");
  EXPECT_EQ(bad_param(tool(R"({"type":"function"})")), "tools[0].function");
  EXPECT_EQ(bad_param(tool(R"({"type":"function","function":{}})")), "tools[0].function.name");
  for (const std::string name : {"", "a b", "a\\\"b", "a\\nb", "\\u4f60"}) {
    EXPECT_EQ(bad_param(tool(R"({"function":{"name":")" + name + "\"}}")),
              "tools[0].function.name");
  }
  EXPECT_EQ(bad_param(tool(R"({"function":{"name":"f","parameters":[]}})")),
            "tools[0].function.parameters");
  EXPECT_EQ(bad_param(tool(R"({"function":{"name":"f"}},{"function":{"name":"f"}})")),
            "tools[1].function.name");
  EXPECT_EQ(bad_param(chat_with(R"("functions":[{"name":"f"}])")), "functions");
}

TEST(Item45, PastCallsCannotBreakOutOfTheTemplate) {
  const ChatRequest request = good(test::chat_of(
      R"({"role":"assistant","tool_calls":[{"function":{"name":"a\"b","arguments":{"k":[1,2]}}},
         {"function":{"name":"g","arguments":""}}]})"));
  EXPECT_EQ(request.messages[0].tool_calls[0].name, "a\\\"b");
  EXPECT_EQ(request.messages[0].tool_calls[0].arguments, R"({"k": [1, 2]})");
  EXPECT_EQ(request.messages[0].tool_calls[1].arguments, "{}");
  EXPECT_EQ(bad_param(test::chat_of(R"({"role":"assistant","tool_calls":[{}]})")),
            "messages[0].tool_calls[0].function");
  EXPECT_EQ(bad_param(test::chat_of(
                R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":5}}]})")),
            "messages[0].tool_calls[0].function.arguments");
}

TEST(Item49, PriorityAndTheLike) {
  const Generation g = generation(R"("priority":-5,"ignore_eos":true,"skip_special_tokens":false)");
  EXPECT_EQ(g.priority, -5);
  EXPECT_TRUE(g.ignore_eos);
  EXPECT_FALSE(g.skip_special_tokens);
  EXPECT_EQ(bad_param(chat_with(R"("priority":99999999999)")), "priority");
}

TEST(Item54And55, StreamOptions) {
  const StreamSettings s =
      good(
          chat_with(
              R"("stream":true,"stream_options":{"include_usage":true,"continuous_usage_stats":true})"))
          .stream;
  EXPECT_TRUE(s.stream && s.include_usage && s.continuous_usage);
  const StreamSettings none = good(chat_with("")).stream;
  EXPECT_FALSE(none.stream || none.include_usage || none.continuous_usage);
}

}  // namespace
}  // namespace monocle::api
