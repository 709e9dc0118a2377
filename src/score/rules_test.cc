// SPDX-License-Identifier: Apache-2.0
// The rules against what the published implementations say they give, and against answers that were
// made wrong in one known way.
#include <gtest/gtest.h>

#include "score/answer_rules.h"
#include "score/assign.h"
#include "score/edit.h"
#include "score/test_cases.h"

namespace monocle::score {
namespace {

using test::metric;
using test::vqa;

TEST(Edit, Distances) {
  EXPECT_EQ(edit_distance(U"kitten", U"sitting"), 3U);
  EXPECT_EQ(edit_distance(U"", U"abc"), 3U);
  EXPECT_EQ(edit_distance(U"北京", U"南京"), 1U);
  EXPECT_DOUBLE_EQ(similarity("", ""), 1.0);
  EXPECT_DOUBLE_EQ(similarity("北京市", "北京"), 2.0 / 3);
}

// Values as difflib.SequenceMatcher(None, a, b).ratio() gives them.
TEST(Edit, SequenceRatio) {
  EXPECT_DOUBLE_EQ(sequence_ratio("abcd", "bcde"), 0.75);
  EXPECT_DOUBLE_EQ(sequence_ratio("tide", "diet"), 0.25);
  EXPECT_DOUBLE_EQ(sequence_ratio("diet", "tide"), 0.5);
  EXPECT_DOUBLE_EQ(sequence_ratio("", ""), 1.0);
}

TEST(Assign, BestTotalNotGreedy) {
  // Greedy would take 0.9 and leave 0.1; the best total is 0.8 + 0.8.
  const auto pairs = best_matching({{0.9, 0.8}, {0.8, 0.1}});
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[0], (std::pair<std::size_t, std::size_t>(0, 1)));
  EXPECT_EQ(pairs[1], (std::pair<std::size_t, std::size_t>(1, 0)));
}

TEST(Assign, UnequalSidesAndNoGain) {
  EXPECT_TRUE(best_matching({}).empty());
  EXPECT_TRUE(best_matching({{}, {}}).empty());
  EXPECT_TRUE(best_matching({{0, 0}}).empty());
  EXPECT_EQ(best_matching({{0.2, 0.7, 0.1}}).front().second, 1U);
  EXPECT_EQ(best_matching({{0.2}, {0.7}, {0.1}}).front().first, 1U);
}

// The table on the page of the anls package: gold "Coca Cola" and "Coca Cola Company".
TEST(Anls, PublishedExamples) {
  const std::vector<std::string> gold{"Coca Cola", "Coca Cola Company"};
  EXPECT_DOUBLE_EQ(anls(gold, "The Coca"), 0.0);
  EXPECT_NEAR(anls(gold, "CocaCola"), 0.89, 0.005);
  EXPECT_DOUBLE_EQ(anls(gold, "Coca cola"), 1.0);
  EXPECT_DOUBLE_EQ(anls(gold, "Cola"), 0.0);
  EXPECT_DOUBLE_EQ(anls(gold, "Cat"), 0.0);
}

TEST(Anls, ThresholdAndTheUncollapsedLength) {
  const std::vector<std::string> gold{"abcd"};
  EXPECT_DOUBLE_EQ(anls(gold, "abxx"), 0.5) << "exactly half counts";
  EXPECT_DOUBLE_EQ(anls(gold, "axxx"), 0.0);
  // Three blanks more change nothing in the distance but lengthen the denominator: 1 - 1/8.
  EXPECT_DOUBLE_EQ(anls(gold, "abce    "), 0.875);
}

TEST(Relaxed, AsChartQaHasIt) {
  EXPECT_TRUE(relaxed_correct("100", "104.9"));
  EXPECT_TRUE(relaxed_correct("100", "95"));
  EXPECT_FALSE(relaxed_correct("100", "106"));
  EXPECT_TRUE(relaxed_correct("12%", "0.12"));
  EXPECT_FALSE(relaxed_correct("12%", "12"));
  EXPECT_TRUE(relaxed_correct("0", "0"));
  EXPECT_FALSE(relaxed_correct("0", "0.001")) << "nothing is relative to zero";
  EXPECT_TRUE(relaxed_correct("Yes", "yes"));
  EXPECT_FALSE(relaxed_correct("100", "100 apples")) << "a unit makes it a text";
}

TEST(Vqa, IntegersAreExactAndUnitsStripped) {
  const Case asked = vqa("lookup", {"351k"});
  EXPECT_EQ(score_vqa(asked, "351k").quality, 1);
  EXPECT_EQ(score_vqa(asked, "351").quality, 1);
  EXPECT_EQ(score_vqa(asked, "３５１k").quality, 1) << "full-width digits";
  const Score near = score_vqa(asked, "352k");
  EXPECT_EQ(near.quality, 0);
  EXPECT_EQ(metric(near, "relaxed"), 1);
  EXPECT_EQ(metric(score_vqa(asked, "441k"), "relaxed"), 0);
  EXPECT_EQ(score_vqa(asked, "").quality, 0);
}

TEST(Vqa, CalculationsCountByTheirResult) {
  const Case asked = vqa("sum", {"50+47=97k"});
  EXPECT_EQ(score_vqa(asked, "97k").quality, 1);
  EXPECT_EQ(score_vqa(asked, "50+47=99k").quality, 1) << "within 5 %";
  EXPECT_EQ(metric(score_vqa(asked, "50+47=99k"), "strict"), 0);
  EXPECT_EQ(score_vqa(asked, "178+50=237k").quality, 0);
  const Case percent = vqa("growth", {"(410-415)/415=-1.2%"});
  EXPECT_EQ(score_vqa(percent, "-1.6%").quality, 1) << "half a point";
  EXPECT_EQ(score_vqa(percent, "-1.8%").quality, 0);
  EXPECT_EQ(score_vqa(percent, "1.2%").quality, 0);
}

TEST(Vqa, TrendsByDirectionAndEnds) {
  const Case asked = vqa("trend", {"2010:11，2013:463，上升"});
  EXPECT_EQ(score_vqa(asked, "2010: 11, 2013: 463, rising").quality, 1);
  EXPECT_EQ(score_vqa(asked, "上升").quality, 0.5);
  EXPECT_EQ(score_vqa(asked, "2010:11，2013:460，先升后降").quality, 0.25);
  EXPECT_EQ(score_vqa(vqa("trend", {"先升后降"}), "rising, then falling").quality, 1);
  EXPECT_EQ(score_vqa(vqa("trend", {"先升后降"}), "先降后升").quality, 0);
}

TEST(Vqa, NamesAreExactButForWriting) {
  const Case asked = vqa("argmax", {"华东", "East"});
  EXPECT_EQ(score_vqa(asked, "华东。").quality, 1);
  EXPECT_EQ(score_vqa(asked, "east").quality, 1);
  EXPECT_EQ(score_vqa(asked, "华南").quality, 0);
}

Case clip() {
  Case asked;
  asked.task = Task::kVideo;
  asked.steps = {{4, 10, "打开设置"}, {12, 20, "拖动文件"}, {22, 30, "点击保存"}};
  return asked;
}

TEST(Video, GoldIsFive) {
  const Score score =
      score_video(clip(), "00:04-00:10 打开设置\n00:12-00:20 拖动文件\n00:22-00:30 点击保存");
  EXPECT_EQ(five_points(score.quality), 5);
  EXPECT_EQ(metric(score, "order_tau"), 1);
  EXPECT_EQ(metric(score, "recall_at_iou_0.7"), 1);
}

TEST(Video, OffByThreePointOneSeconds) {
  const Score near = score_video(clip(), "00:07-00:10 打开设置");
  const Score far = score_video(clip(), "00:07.1-00:10 打开设置");
  EXPECT_EQ(metric(near, "within_3_s"), 1);
  EXPECT_EQ(metric(far, "within_3_s"), 0);
  EXPECT_NEAR(metric(far, "start_error_s"), 3.1, 1e-9);
  // F1 = 2*1/(3+1); timing 0.5*1 + 0.5*0.5 and 0.5*0 + 0.5*(2.9/6).
  EXPECT_NEAR(near.quality, 0.5 * 0.75, 1e-9);
  EXPECT_NEAR(far.quality, 0.5 * 0.5 * 2.9 / 6, 1e-9);
}

TEST(Video, PermutedStepsAreMatchedAndOutOfOrder) {
  const Score score =
      score_video(clip(), "00:22-00:30 点击保存\n00:12-00:20 拖动文件\n00:04-00:10 打开设置");
  EXPECT_EQ(metric(score, "step_f1"), 1);
  EXPECT_EQ(metric(score, "order_tau"), -1);
}

TEST(Video, MissingInventedAndEmpty) {
  const Score extra = score_video(clip(), "00:04-00:10 打开设置\n00:40-00:50 关闭窗口");
  EXPECT_NEAR(metric(extra, "step_f1"), 2.0 / 5, 1e-9);
  EXPECT_NEAR(metric(extra, "recall_at_iou_0.5"), 1.0 / 3, 1e-9);
  EXPECT_EQ(score_video(clip(), "").quality, 0);
  EXPECT_FALSE(score_video(clip(), "").valid);
}

TEST(Contract, CapitalsAndFullWidthAreTheSameAmount) {
  Case asked;
  asked.task = Task::kContract;
  asked.fields = {{"金额", GoldField::Kind::kAmount, "708000.00"},
                  {"签署日期", GoldField::Kind::kDate, "2021-08-12"}};
  for (const char* amount : {"柒拾万零捌仟元整", "７０８０００", "¥708,000.00"}) {
    const std::string answer =
        fmt::format(R"({{"金额":"{}","签署日期":"二〇二一年八月十二日"}})", amount);
    EXPECT_EQ(score_contract(asked, answer).quality, 1) << amount;
  }
  const Score off = score_contract(asked, R"({"金额":"708000.01","签署日期":"2021-08-12"})");
  EXPECT_EQ(off.quality, 0.5);
  EXPECT_EQ(metric(off, "all_fields"), 0);
  EXPECT_EQ(metric(off, "field_f1"), 0.5);
}

TEST(Contract, ExtraFieldsCostPrecision) {
  Case asked;
  asked.task = Task::kContract;
  asked.fields = {{"甲方", GoldField::Kind::kText, "北京（华明）公司"}};
  const Score score = score_contract(asked, R"({"甲方":"北京(华明) 公司","乙方":"上海"})");
  EXPECT_EQ(score.quality, 1);
  EXPECT_NEAR(metric(score, "field_f1"), 2.0 / 3, 1e-9);
}

TEST(Reading, TokensAndEmptyLines) {
  Case asked;
  asked.task = Task::kReading;
  asked.answers = {"第一 line\nof text"};
  EXPECT_EQ(score_reading(asked, "第一  line\n\n of text \n").quality, 1);
  // Four of five tokens (第, 一, of, text) and one wrong word.
  EXPECT_NEAR(metric(score_reading(asked, "第一 lime\nof text"), "token_f1"), 0.8, 1e-9);
  EXPECT_EQ(score_reading(asked, std::string(500, 'x')).quality, 0);
}

TEST(Html, BlocksThatMovedOrAreMissing) {
  Case asked;
  asked.task = Task::kHtml;
  asked.answers = {"<h1>年度报告</h1><p>销售额上升</p><button>确定</button>"};
  const Score gold = score_html(asked, asked.answers.front());
  EXPECT_EQ(five_points(gold.quality), 5);
  const Score swapped =
      score_html(asked, "<p>销售额上升</p><h1>年度报告</h1><button>确定</button>");
  EXPECT_EQ(metric(swapped, "block_text"), 1);
  EXPECT_LT(metric(swapped, "block_position"), 0.95);
  EXPECT_EQ(metric(swapped, "tree_exact"), 0);
  const Score missing = score_html(asked, "<h1>年度报告</h1>");
  EXPECT_LT(metric(missing, "block_size"), 0.75);
  EXPECT_GT(missing.quality, 0);
  EXPECT_EQ(score_html(asked, "").quality, 0);
}

TEST(Scale, FivePointsAndRubric) {
  EXPECT_EQ(five_points(0), 1);
  EXPECT_DOUBLE_EQ(five_points(0.9), 4.6);
  Score score;
  const std::pair<double, int> rows[] = {{1, 5},   {0.99, 4}, {0.8, 4},  {0.79, 3},
                                         {0.6, 3}, {0.3, 2},  {0.29, 1}, {0, 1}};
  for (const auto& [quality, points] : rows) {
    score.quality = quality;
    EXPECT_EQ(rubric_points(score), points) << quality;
  }
  score.quality = 0.9;
  score.valid = false;
  EXPECT_EQ(rubric_points(score), 3) << "four needs a valid form";
}

}  // namespace
}  // namespace monocle::score
