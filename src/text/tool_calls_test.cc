// SPDX-License-Identifier: Apache-2.0
#include "text/tool_calls.h"

#include <gtest/gtest.h>

namespace monocle {
namespace {

struct Case {
  std::string text;
  std::string content;
  std::vector<std::pair<std::string, std::string>> calls;
};

TEST(ToolCalls, Replies) {
  const std::string f = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>";
  const std::pair<std::string, std::string> called{"f", "{\"a\": 1}"};
  const Case cases[] = {
      {"", "", {}},
      {"just text\n", "just text\n", {}},
      {f, "", {called}},
      {"Let me see.\n" + f, "Let me see.", {called}},
      {"Let me see.\n\n" + f, "Let me see.\n", {called}},
      {f + "\n" + f, "", {called, called}},
      {f + f + " \n", "", {called, called}},
      {f + "\nafterwards", "\nafterwards", {called}},
      {f.substr(0, f.size() - 13), "", {called}},              // no closing tag at the end
      {f.substr(0, f.size() - 12) + f, "", {called, called}},  // nor before the next
      {"<tool_call>{\"name\":\"f\"}</tool_call>", "", {{"f", "{}"}}},
      {"<tool_call>{\"arguments\":\"{\\\"a\\\": 1}\",\"name\":\"f\"}</tool_call>",
       "",
       {called}},  // a string
      {"<tool_call>{\"name\":\"f\",\"arguments\":{\"t\":\"</tool_call>}\"}}</tool_call>",
       "",
       {{"f", "{\"t\": \"</tool_call>}\"}"}}},
      {"<tool_call>{\"id\":[{}],\"name\":\"f\",\"arguments\":null}</tool_call>",
       "",
       {{"f", "null"}}},
      {"<tool_call>{\"name\":\"\\u00e9\",\"arguments\":{\"k\":\"\\u4f60\"}}</tool_call>",
       "",
       {{"é", "{\"k\": \"你\"}"}}},
  };
  for (const Case& c : cases) {
    const ToolReply reply = parse_tool_calls(c.text);
    EXPECT_EQ(reply.content, c.content) << c.text;
    ASSERT_EQ(reply.calls.size(), c.calls.size()) << c.text;
    for (std::size_t i = 0; i < c.calls.size(); ++i) {
      EXPECT_EQ(reply.calls[i].name, c.calls[i].first) << c.text;
      EXPECT_EQ(reply.calls[i].arguments, c.calls[i].second) << c.text;
    }
  }
}

TEST(ToolCalls, UnreadableBlocksStayInTheContent) {
  for (const std::string text :
       {"<tool_call>", "</tool_call>", "<tool_call>\n", "<tool_call>{", "<tool_call>{}",
        "<tool_call>[]</tool_call>", "<tool_call>{\"name\": 5}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": }}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1",
        "<tool_call>{\"name\": \"f\"} trailing</tool_call>",
        "<tool_call>{\"name\": \"\\ud800\"}</tool_call>",
        "<tool_call>{\"name\" \"f\"}</tool_call>"}) {
    const ToolReply reply = parse_tool_calls(text);
    EXPECT_EQ(reply.content, text);
    EXPECT_TRUE(reply.calls.empty()) << text;
  }
  const ToolReply reply =
      parse_tool_calls("<tool_call>{\"name\": \"f\", <tool_call>{\"name\": \"g\"}</tool_call>");
  ASSERT_EQ(reply.calls.size(), 1U);
  EXPECT_EQ(reply.calls[0].name, "g");
  EXPECT_EQ(reply.content, "<tool_call>{\"name\": \"f\", ");
}

TEST(ToolCalls, TheNumberOfBlocksIsBounded) {
  std::string text;
  for (int i = 0; i < 10000; ++i) {
    text += "<tool_call>{\"name\": [";
  }
  EXPECT_EQ(parse_tool_calls(text).content, text);
}

}  // namespace
}  // namespace monocle
