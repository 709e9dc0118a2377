// SPDX-License-Identifier: Apache-2.0
// Readers of answers, with the answers models really give.
#include <gtest/gtest.h>

#include "task/actions.h"
#include "task/fields.h"
#include "task/graph.h"
#include "task/json_answer.h"
#include "task/markup.h"
#include "task/number.h"
#include "task/numerals.h"
#include "task/steps.h"

namespace monocle::task {
namespace {

TEST(JsonAnswer, PlainFencedAndInWords) {
  EXPECT_EQ((*json_in(R"({"a":1})"))["a"], 1);
  EXPECT_EQ((*json_in("Here:\n```json\n[1,2]\n```\nDone."))[1], 2);
  EXPECT_EQ((*json_in(R"(The answer is {"a":{"b":2}} I think.)"))["a"]["b"], 2);
}

TEST(JsonAnswer, NothingInsteadOfAGuess) {
  EXPECT_FALSE(json_in("").has_value());
  EXPECT_FALSE(json_in("no brackets").has_value());
  EXPECT_FALSE(json_in("[1,2").has_value());
  EXPECT_FALSE(json_in("]1[").has_value());
  EXPECT_FALSE(json_in("\"\xff\"").has_value());
  EXPECT_FALSE(json_in(std::string(5000, '[') + std::string(5000, ']')).has_value());
}

TEST(Actions, OurOwnForm) {
  const auto path = parse_actions(
      R"([{"op":"type","label":"手机号","text":"138","point":[500,350]},{"op":"scroll","direction":"down"}])");
  ASSERT_TRUE(path.has_value());
  ASSERT_EQ(path->size(), 2U);
  EXPECT_EQ((*path)[0].op, "type");
  EXPECT_EQ((*path)[0].text, "138");
  EXPECT_EQ((*path)[0].point->y, 350);
  EXPECT_EQ((*path)[1].direction, "down");
  EXPECT_FALSE((*path)[1].point.has_value());
}

TEST(Actions, OtherNamesAndABox) {
  const auto path =
      parse_actions(R"({"action":"tap","bbox_2d":[100,200,300,400],"id":"js_ok","value":7})");
  ASSERT_TRUE(path.has_value());
  EXPECT_EQ(path->front().op, "click");
  EXPECT_EQ(path->front().point->x, 200);
  EXPECT_EQ(path->front().id, "js_ok");
  EXPECT_EQ(path->front().text, "7");
}

TEST(Actions, WhatIsNoPath) {
  EXPECT_FALSE(parse_actions("[1]").has_value());
  EXPECT_FALSE(parse_actions("\"click\"").has_value());
  EXPECT_TRUE(parse_actions("[]")->empty());
  EXPECT_FALSE(parse_actions(R"([{"op":"click","point":[1]}])")->front().point.has_value());
  EXPECT_FALSE(parse_actions(R"([{"op":"click","point":["a","b"]}])")->front().point.has_value());
}

TEST(Numerals, Places) {
  EXPECT_EQ(numeral_value(U"一千零二十三万"), 10'230'000);
  EXPECT_EQ(numeral_value(U"壹拾贰"), 12);
  EXPECT_EQ(numeral_value(U"十二"), 12);
  EXPECT_EQ(numeral_value(U"二〇二一"), 2021);
  EXPECT_EQ(numeral_value(U"壹亿零伍佰万"), 105'000'000);
  EXPECT_EQ(numeral_value(U"两百"), 200);
  EXPECT_FALSE(numeral_value(U"").has_value());
  EXPECT_FALSE(numeral_value(U"甲乙").has_value());
  EXPECT_FALSE(numeral_value(U"九千九百亿亿亿亿亿").has_value());
}

TEST(Amounts, DigitsCapitalsAndBoth) {
  constexpr std::int64_t kCents = 70'800'000;
  for (const char* text :
       {"708000.00", "708,000.00元", "¥708,000", "￥７０８，０００．００", "柒拾万零捌仟元整",
        "人民币柒拾万捌仟圆整", "708,000.00元（大写：柒拾万零捌仟元整）", "70.8万元"}) {
    EXPECT_EQ(amount_cents(text), kCents) << text;
  }
  EXPECT_EQ(amount_cents("壹拾贰元叁角肆分"), 1234);
  EXPECT_EQ(amount_cents("壹拾贰元零肆分"), 1204);
  EXPECT_EQ(amount_cents("0.01"), 1);
}

TEST(Amounts, WhatIsNone) {
  for (const char* text : {"", "元", "1.2.3", "约708000元", "708000元（柒拾万元整）", "1e9",
                           "99999999999999999999", "甲方"}) {
    EXPECT_FALSE(amount_cents(text).has_value()) << text;
  }
}

TEST(Dates, EveryWriting) {
  for (const char* text :
       {"2021-08-12", "2021年8月12日", "2021年08月12日", "2021/08/12", "2021.8.12", "20210812",
        "二〇二一年八月十二日", "２０２１年８月１２日", "2021 年 8 月 12 日"}) {
    EXPECT_EQ(iso_date(text), "2021-08-12") << text;
  }
  EXPECT_EQ(iso_date("2024-02-29"), "2024-02-29");
}

TEST(Dates, WhatIsNone) {
  for (const char* text : {"", "2021-13-01", "2021-02-29", "2021-00-10", "21-08-12", "2021年8月",
                           "8月12日", "2021-08-12-01", "20211340", "later"}) {
    EXPECT_FALSE(iso_date(text).has_value()) << text;
  }
}

TEST(FieldObjects, NullAndNested) {
  const auto fields = parse_fields(R"({"甲方":"北京","金额":null,"附":[1]})");
  ASSERT_TRUE(fields.has_value());
  EXPECT_EQ(fields->at("甲方"), "北京");
  EXPECT_FALSE(fields->at("金额").has_value());
  EXPECT_EQ(fields->at("附"), "[1]");
  EXPECT_FALSE(parse_fields("[]").has_value());
}

TEST(Steps, LinesOfManyForms) {
  const auto steps = parse_steps(
      "Steps:\n00:04-00:33 拖动文件\n2. 0:35 - 1:02.5：点击 保存\n- <63.0 seconds> to <70.5 "
      "seconds> close\n"
      "[01:00:00~01:00:05] end\n00:09 only one time\n");
  ASSERT_EQ(steps.size(), 4U);
  EXPECT_EQ(steps[0].start_s, 4);
  EXPECT_EQ(steps[0].end_s, 33);
  EXPECT_EQ(steps[0].text, "拖动文件");
  EXPECT_EQ(steps[1].end_s, 62.5);
  EXPECT_EQ(steps[1].text, "点击 保存");
  EXPECT_EQ(steps[2].start_s, 63);
  EXPECT_EQ(steps[2].end_s, 70.5);
  EXPECT_EQ(steps[3].end_s, 3605);
}

TEST(Steps, NothingInNoise) {
  EXPECT_TRUE(parse_steps("").empty());
  EXPECT_TRUE(parse_steps("\n\n-\n1.\n::\n<").empty());
  EXPECT_TRUE(parse_steps("1-2-3: a phone number 138-0000").size() <= 1);
}

TEST(Figures, BehindTheLastEquals) {
  EXPECT_EQ(final_figure("120-85=35万元")->value, 35);
  EXPECT_EQ(final_figure("1,234.5 kt")->value, 1234.5);
  EXPECT_EQ(final_figure("(410-415)/415=-1.2%")->value, -1.2);
  EXPECT_TRUE(final_figure("(410-415)/415=-1.2%")->percent);
  EXPECT_EQ(final_figure("３５％")->value, 35);
  EXPECT_TRUE(final_figure("351k")->whole);
  EXPECT_FALSE(final_figure("no figure").has_value());
  EXPECT_FALSE(final_figure("12=").has_value());
  EXPECT_EQ(final_figure("A-12")->value, 12) << "a hyphen is no sign";
}

TEST(Markup, BalancedTreeWithEntities) {
  const Markup page =
      parse_markup("```html\n<ul><li>a &amp; b</li><li>c</li></ul><input placeholder=\"x\">\n```");
  EXPECT_TRUE(page.balanced);
  ASSERT_EQ(page.parts.size(), 9U);
  EXPECT_EQ(page.parts[2].text, "a & b");
  EXPECT_EQ(page.parts[8].attribute("placeholder"), "x");
}

TEST(Markup, WhatDoesNotRender) {
  for (const char* text :
       {"", "words", "<p>a", "<p>a</b></p>", "<p", "</p>", "<a href=\"x>b</a>"}) {
    EXPECT_FALSE(parse_markup(text).balanced) << text;
  }
}

TEST(Markup, SkipsScriptsAndDeclarations) {
  const Markup page = parse_markup(
      "<!DOCTYPE html><style>p{a:b}</style><!-- <p> --><script>if(a<b){}</script><p>x</p>");
  EXPECT_TRUE(page.balanced);
  ASSERT_EQ(page.parts.size(), 3U);
  EXPECT_EQ(page.parts[1].text, "x");
}

TEST(GraphXml, NodesAndEdges) {
  const auto graph = parse_graph(
      R"(<mxGraphModel><root><mxCell id="0"/><mxCell id="1" parent="0"/>)"
      R"(<mxCell id="2" value="开始" style="rounded=1" vertex="1" parent="1"><mxGeometry x="1" as="geometry"/></mxCell>)"
      R"(<mxCell id="3" value="通过?" style="rhombus" vertex="1" parent="1"/>)"
      R"(<mxCell edge="1" source="2" target="3" parent="1"/></root></mxGraphModel>)");
  ASSERT_TRUE(graph.has_value());
  ASSERT_EQ(graph->nodes.size(), 2U);
  EXPECT_EQ(graph->nodes[0].shape, "rounded");
  EXPECT_EQ(graph->nodes[1].label, "通过?");
  EXPECT_EQ(graph->nodes[1].shape, "rhombus");
  ASSERT_EQ(graph->edges.size(), 1U);
  EXPECT_EQ(graph->edges[0].target, "3");
  EXPECT_FALSE(parse_graph("<mxGraphModel><root></root></mxGraphModel>").has_value());
  EXPECT_FALSE(parse_graph("<mxGraphModel><mxCell id=\"1\">").has_value());
}

// Every reader takes every prefix of every answer: cut-off answers are the rule, not the exception.
TEST(EveryReader, SurvivesCutOffAnswers) {
  const std::string answers[] = {
      R"([{"op":"type","label":"手机号","text":"138","point":[500,350]}])",
      "00:04-00:33 拖动文件\n00:35-01:02 点击",
      "<ul><li a='b'>x&#x41;&#99999999;</li></ul><!-- c -->",
      "柒拾万零捌仟元整 708,000.00 2021年8月12日 12=",
  };
  for (const std::string& answer : answers) {
    for (std::size_t size = 0; size <= answer.size(); ++size) {
      const std::string part = answer.substr(0, size);
      (void)parse_actions(part);
      (void)parse_fields(part);
      (void)parse_steps(part);
      (void)parse_markup(part);
      (void)parse_graph(part);
      (void)final_figure(part);
      (void)amount_cents(part);
      (void)iso_date(part);
    }
  }
}

}  // namespace
}  // namespace monocle::task
