// SPDX-License-Identifier: Apache-2.0
// The case reader, the shared examples, and means with their intervals.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "score/summary.h"
#include "score/test_cases.h"

namespace monocle::score {
namespace {

using Json = nlohmann::json;
using test::metric;

std::string examples_text() {
  std::ifstream file(std::string(MONOCLE_SOURCE_DIR) + "/src/score/examples.json");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Examples, EveryAnswerGetsItsScores) {
  const std::string text = examples_text();
  const auto set = parse_cases(text);
  ASSERT_TRUE(set) << set.error().message;
  const Json json = Json::parse(text);
  for (const Json& row : json["answers"]) {
    const auto asked = std::ranges::find(set->cases, row["id"].get<std::string>(), &Case::id);
    ASSERT_NE(asked, set->cases.end()) << row["id"];
    const Score score = score_answer(*asked, row["answer"].get<std::string>());
    for (const auto& [name, value] : row["expect"].items()) {
      EXPECT_NEAR(name == "q" ? score.quality : metric(score, name), value.get<double>(), 1e-5)
          << row["id"] << " " << name << ": " << row["answer"];
    }
  }
}

TEST(Examples, GoldIsFiveAndEmptyIsOne) {
  const auto set = parse_cases(examples_text());
  ASSERT_TRUE(set);
  for (const Case& one : set->cases) {
    EXPECT_EQ(five_points(score_answer(one, one.answers.front()).quality), 5) << one.id;
    EXPECT_EQ(five_points(score_answer(one, "").quality), 1) << one.id;
  }
}

std::string with(const char* change) {
  Json set = Json::parse(examples_text());
  set["cases"][0].merge_patch(Json::parse(change));
  return set.dump();
}

TEST(Cases, ErrorsNameTheField) {
  const std::pair<const char*, const char*> rows[] = {{R"({"task":"song"})", "song"},
                                                      {R"({"id":"gui-scroll"})", "gui-scroll"},
                                                      {R"({"images":[]})", "images"},
                                                      {R"({"images":["../x"]})", "../x"},
                                                      {R"({"images":["/x"]})", "/x"},
                                                      {R"({"width":0})", "width"},
                                                      {R"({"times":[1,2]})", "times"},
                                                      {R"({"actions":null})", "actions"},
                                                      {R"({"actions":[{"op":"click"}]})", "box"},
                                                      {R"({"max_tokens":"a"})", "max_tokens"},
                                                      {R"({"question":null})", "question"}};
  for (const auto& [change, name] : rows) {
    const auto set = parse_cases(with(change));
    ASSERT_FALSE(set) << change;
    EXPECT_NE(set.error().message.find(name), std::string::npos) << set.error().message;
  }
  EXPECT_FALSE(parse_cases("{"));
  EXPECT_FALSE(parse_cases("[]"));
  EXPECT_FALSE(parse_cases(R"({"name":"a","note":"b","cases":[]})"));
}

std::vector<std::vector<Score>> coin(std::size_t right, std::size_t all) {
  std::vector<std::vector<Score>> scores(all, std::vector<Score>(1));
  for (std::size_t i = 0; i < right; ++i) {
    scores[i][0].quality = 1;
  }
  return scores;
}

TEST(Summaries, IntervalOfACoinAndItsSeed) {
  const auto scores = coin(170, 200);
  const Summary summary = summarize(scores, 1);
  EXPECT_DOUBLE_EQ(summary.quality.value, 0.85);
  EXPECT_DOUBLE_EQ(summary.points.value, 4.4);
  // Two-sided 95 % of a binomial with 200 draws: 0.85 -+ 0.05.
  EXPECT_NEAR(summary.quality.low, 0.80, 0.012);
  EXPECT_NEAR(summary.quality.high, 0.90, 0.012);
  EXPECT_EQ(summarize(scores, 1).quality.low, summary.quality.low);
  const Summary sure = summarize(coin(5, 5), 1);
  EXPECT_EQ(sure.quality.low, 1);
}

TEST(Summaries, RatiosAreWeighedByTheirCount) {
  std::vector<std::vector<Score>> scores(2, std::vector<Score>(1));
  scores[0][0].add("steps", 1, 1);
  scores[1][0].add("steps", 0, 3);
  const Mean steps = summarize(scores, 1).metrics.at("steps");
  EXPECT_DOUBLE_EQ(steps.value, 0.25);
  EXPECT_DOUBLE_EQ(steps.count, 4);
}

TEST(Agreement, PlaceByPlaceOverTheLonger) {
  const std::vector<std::string> a{"x", "y", "z"};
  const std::vector<std::string> b{"x", "q", "z", "w"};
  EXPECT_DOUBLE_EQ(token_agreement(a, b), 0.5);
  EXPECT_DOUBLE_EQ(token_agreement(a, a), 1);
  EXPECT_DOUBLE_EQ(token_agreement({}, {}), 1);
}

}  // namespace
}  // namespace monocle::score
