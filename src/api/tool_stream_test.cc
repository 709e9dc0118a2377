// SPDX-License-Identifier: Apache-2.0
#include "api/tool_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "text/tool_calls.h"

namespace monocle::api {
namespace {

struct Collected {
  std::string content;
  std::vector<ToolCall> calls;
};

void collect(const std::vector<ToolEvent>& events, Collected& out) {
  for (const ToolEvent& event : events) {
    switch (event.kind) {
      case ToolEvent::Kind::kText:
        EXPECT_FALSE(event.text.empty());
        out.content += event.text;
        break;
      case ToolEvent::Kind::kBegin:
        EXPECT_EQ(static_cast<std::size_t>(event.call_index), out.calls.size());
        out.calls.push_back({event.text, {}});
        break;
      case ToolEvent::Kind::kArguments:
        ASSERT_FALSE(out.calls.empty());
        EXPECT_EQ(static_cast<std::size_t>(event.call_index), out.calls.size() - 1);
        out.calls.back().arguments += event.text;
    }
  }
}

const std::string kCall = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>";

// What the model may say, well-formed and not; the same shapes as the whole-text parser's test.
std::vector<std::string> texts() {
  return {
      "",
      "just text\n",
      "a < b and <tool> and <tool_cal and \n",
      kCall,
      "Let me see.\n" + kCall,
      "Let me see.\n\n" + kCall,
      "\n" + kCall,
      kCall + "\n" + kCall,
      kCall + kCall + " \n",
      kCall + "\nafterwards\n",
      kCall + " \n " + kCall + "\n\nthe end",
      kCall.substr(0, kCall.size() - 13),
      kCall.substr(0, kCall.size() - 5),
      kCall.substr(0, kCall.size() - 12) + kCall,
      "<tool_call>{\"name\":\"f\"}</tool_call>",
      "<tool_call>{\"arguments\":\"{\\\"a\\\": 1}\",\"name\":\"f\"}</tool_call>",
      "<tool_call>{\"name\":\"f\",\"arguments\":{\"t\":\"</tool_call>}\"}}</tool_call>",
      "<tool_call>{\"name\":\"f\",\"arguments\":{\"t\":\"\\\\\\\"<tool_call>\"}}</tool_call>x",
      "<tool_call>{\"id\":[{}],\"name\":\"f\",\"arguments\":null}</tool_call>",
      "<tool_call>{\"name\":\"\\u00e9\",\"arguments\":{\"k\":\"\\u4f60 你\"}}</tool_call>",
      "<tool_call>",
      "</tool_call>",
      "text\n<tool_call>\n",
      "<tool_call>{",
      "<tool_call>{} trailing",
      "<tool_call>[]</tool_call>",
      "<tool_call>{\"name\": 5}</tool_call> and on",
      "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": }}</tool_call>",
      "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1",
      "<tool_call>{\"name\": \"f\"} trailing</tool_call>",
      "<tool_call>{\"name\": \"f\", <tool_call>{\"name\": \"g\"}</tool_call>",
      "<tool_call><tool_call>{\"name\": \"g\"}</tool_call>",
      "<tool_call>{\"name\": \"f\\",
      kCall + "<tool_call>{\"name\": 1}</tool_call>\n" + kCall,
  };
}

void expect_same(const std::string& text, const std::vector<std::size_t>& cuts) {
  ToolStream stream;
  Collected got;
  std::size_t from = 0;
  for (const std::size_t cut : cuts) {
    collect(stream.push(std::string_view(text).substr(from, cut - from)), got);
    from = cut;
  }
  collect(stream.push(std::string_view(text).substr(from)), got);
  collect(stream.finish(), got);
  const ToolReply want = parse_tool_calls(text);
  EXPECT_EQ(got.content, want.content) << text;
  ASSERT_EQ(got.calls.size(), want.calls.size()) << text;
  EXPECT_EQ(static_cast<std::size_t>(stream.calls()), want.calls.size());
  for (std::size_t i = 0; i < want.calls.size(); ++i) {
    EXPECT_EQ(got.calls[i].name, want.calls[i].name) << text;
    EXPECT_EQ(got.calls[i].arguments, want.calls[i].arguments) << text;
  }
}

TEST(Item60, TheStreamSaysWhatTheWholeTextSays) {
  std::mt19937 random(7);
  for (const std::string& text : texts()) {
    expect_same(text, {});
    std::vector<std::size_t> all;
    for (std::size_t i = 1; i < text.size(); ++i) {
      all.push_back(i);
      expect_same(text, {i});
    }
    expect_same(text, all);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::size_t> cuts;
      for (std::size_t i = 1; i < text.size(); ++i) {
        if (random() % 5 == 0) {
          cuts.push_back(i);
        }
      }
      expect_same(text, cuts);
    }
  }
}

TEST(Item60, RandomMixturesOfPieces) {
  const std::string pieces[] = {"<tool_call>",
                                "</tool_call>",
                                "{\"name\": \"f\"",
                                ", \"arguments\": ",
                                "{\"a\": [1, 2]}",
                                "}",
                                "\n",
                                " ",
                                "text",
                                "\"",
                                "\\",
                                "{",
                                "<tool",
                                "]",
                                kCall};
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    std::vector<std::size_t> cuts;
    for (auto n = random() % 12; n > 0; --n) {
      text += pieces[random() % std::size(pieces)];
    }
    for (std::size_t i = 1; i < text.size(); ++i) {
      if (random() % 4 == 0) {
        cuts.push_back(i);
      }
    }
    expect_same(text, cuts);
  }
}

TEST(Item60, TextIsNotHeldBackAndTagsNeverLeak) {
  ToolStream stream;
  Collected got;
  collect(stream.push("Hello wor"), got);
  EXPECT_EQ(got.content, "Hello wor");
  collect(stream.push("ld\n<tool_"), got);
  EXPECT_EQ(got.content, "Hello world");
  collect(stream.push("call>\n{\"name\": \"f\", "), got);
  collect(stream.push("\"arguments\": {}}\n</tool_call"), got);
  EXPECT_EQ(got.content, "Hello world");
  collect(stream.push(">"), got);
  ASSERT_EQ(got.calls.size(), 1U);
  EXPECT_EQ(got.calls[0].arguments, "{}");
  // Text that only looked like a tag follows as soon as that is known.
  ToolStream other;
  Collected text;
  collect(other.push("a <tool"), text);
  EXPECT_EQ(text.content, "a ");
  collect(other.push("s>"), text);
  EXPECT_EQ(text.content, "a <tools>");
  collect(other.push("<tool_call>no"), text);
  EXPECT_EQ(text.content, "a <tools><tool_call>no");
}

TEST(Item60, ManyUnreadableBlocksCostNoSquare) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "<tool_call>{\"name\": [";
  }
  ToolStream stream;
  Collected got;
  for (std::size_t i = 0; i < text.size(); i += 7) {
    collect(stream.push(std::string_view(text).substr(i, 7)), got);
  }
  collect(stream.finish(), got);
  EXPECT_EQ(got.content, text);
  EXPECT_TRUE(got.calls.empty());
}

}  // namespace
}  // namespace monocle::api
