// SPDX-License-Identifier: Apache-2.0
// One question about a chart, table or infographic. What counts as right depends on its kind.
#include <algorithm>
#include <array>
#include <cmath>

#include "score/answer_rules.h"
#include "score/score.h"
#include "task/number.h"
#include "text/fold.h"

namespace monocle::score {
namespace {

constexpr double kRelative = 0.05;        // ChartQA's
constexpr double kPercentagePoint = 0.5;  // of a result that is itself a percentage

enum class Rule { kNumber, kCalculation, kTrend, kText, kExact };

Rule rule_of(const std::string& kind) {
  const auto is_one_of = [&](auto... names) { return ((kind == names) || ...); };
  if (is_one_of("lookup", "cell", "count", "number", "share")) {
    return Rule::kNumber;
  }
  if (is_one_of("diff", "sum", "growth", "total")) {
    return Rule::kCalculation;
  }
  if (kind == "trend") {
    return Rule::kTrend;
  }
  return is_one_of("caption", "text") ? Rule::kText : Rule::kExact;
}

struct Verdict {
  bool strict = false;   // the figure itself; integers exactly
  bool relaxed = false;  // within 5 %
};

Verdict judge_number(std::string_view gold, std::string_view answer) {
  const auto wanted = task::final_figure(gold);
  const auto found = task::final_figure(answer);
  if (!wanted || !found) {
    const bool same = same_text(gold, answer);
    return {same, same};
  }
  constexpr double kWritten = 1e-9;  // of decimals that are written the same
  const double off = std::abs(found->value - wanted->value);
  return {off <= kWritten * std::max(1.0, std::abs(wanted->value)),
          wanted->value != 0 ? off <= kRelative * std::abs(wanted->value) : off == 0};
}

// A result of percent may also be half a point off, so that -1.2 and -1.3 are near.
bool near_result(std::string_view gold, std::string_view answer) {
  const auto wanted = task::final_figure(gold);
  const auto found = task::final_figure(answer);
  return judge_number(gold, answer).relaxed ||
         (wanted && found && wanted->percent && found->percent &&
          std::abs(wanted->value - found->value) <= kPercentagePoint);
}

struct Direction {
  std::string_view word;
  char sign;
};
constexpr std::array<Direction, 18> kDirections{{{"上升", '+'},
                                                 {"升", '+'},
                                                 {"增", '+'},
                                                 {"涨", '+'},
                                                 {"rising", '+'},
                                                 {"rise", '+'},
                                                 {"increas", '+'},
                                                 {"up", '+'},
                                                 {"grow", '+'},
                                                 {"下降", '-'},
                                                 {"降", '-'},
                                                 {"减", '-'},
                                                 {"跌", '-'},
                                                 {"falling", '-'},
                                                 {"fall", '-'},
                                                 {"decreas", '-'},
                                                 {"down", '-'},
                                                 {"drop", '-'}}};

// The directions a text names, in order, equal neighbours joined: "先升后降" is "+-".
std::string directions(std::string_view text) {
  const std::string plain = to_lower(to_nfkc(text));
  std::string found;
  for (std::size_t pos = 0; pos < plain.size();) {
    const auto hit = std::ranges::find_if(kDirections, [&](const Direction& direction) {
      return std::string_view(plain).substr(pos).starts_with(direction.word);
    });
    if (hit == kDirections.end()) {
      ++pos;
      continue;
    }
    if (found.empty() || found.back() != hit->sign) {
      found += hit->sign;
    }
    pos += hit->word.size();
  }
  return found;
}

// The numbers of a text that are not years in front of a colon: "2010: 11, 2013: 463" has 11 and
// 463.
std::vector<std::string> endpoint_values(std::string_view text) {
  const std::string plain = to_nfkc(text);
  std::vector<std::string> values;
  std::string digits;
  for (std::size_t i = 0; i <= plain.size(); ++i) {
    const char c = i < plain.size() ? plain[i] : ' ';
    if ((c >= '0' && c <= '9') || (c == '.' && !digits.empty())) {
      digits += c;
      continue;
    }
    while (digits.ends_with('.')) {
      digits.pop_back();
    }
    if (!digits.empty() && c != ':') {
      values.push_back(digits);
    }
    digits.clear();
  }
  return values;
}

// Half for the direction, a quarter for each end's value.
double judge_trend(std::string_view gold, std::string_view answer) {
  double points = directions(gold) == directions(answer) ? 0.5 : 0.0;
  const std::vector<std::string> wanted = endpoint_values(gold);
  const std::vector<std::string> found = endpoint_values(answer);
  if (wanted.size() < 2) {
    return points * 2;
  }
  for (const std::string& value : {wanted.front(), wanted.back()}) {
    points += std::ranges::find(found, value) != found.end() ? 0.25 : 0.0;
  }
  return points;
}

double best_quality(const Case& asked, std::string_view answer,
                    double (*judge)(std::string_view, std::string_view)) {
  double best = 0;
  for (const std::string& gold : asked.answers) {
    best = std::max(best, judge(gold, answer));
  }
  return best;
}

}  // namespace

Score score_vqa(const Case& asked, std::string_view answer) {
  Score score;
  score.valid = !collapse_space(answer).empty();
  const double similar = anls(asked.answers, answer);
  const auto exact = [](std::string_view gold, std::string_view given) {
    return same_text(gold, given) ? 1.0 : 0.0;
  };
  const auto strict = [](std::string_view gold, std::string_view given) {
    return judge_number(gold, given).strict ? 1.0 : 0.0;
  };
  const auto near = [](std::string_view gold, std::string_view given) {
    return near_result(gold, given) ? 1.0 : 0.0;
  };
  switch (rule_of(asked.kind)) {
    case Rule::kNumber:
      score.quality = best_quality(asked, answer, strict);
      score.add("strict", score.quality);
      score.add("relaxed", best_quality(asked, answer, near));
      break;
    case Rule::kCalculation:
      score.quality = best_quality(asked, answer, near);
      score.add("strict", best_quality(asked, answer, strict));
      score.add("relaxed", score.quality);
      score.add("calculation_wrong", 1 - score.quality);
      break;
    case Rule::kTrend:
      score.quality = best_quality(asked, answer, judge_trend);
      score.add("strict", score.quality >= 1 ? 1 : 0);
      score.add("relaxed", score.quality >= 1 ? 1 : 0);
      break;
    case Rule::kText:
      score.quality = similar;
      break;
    case Rule::kExact:
      score.quality = best_quality(asked, answer, exact);
      score.add("strict", score.quality);
      score.add("relaxed", score.quality);
      break;
  }
  score.add("anls", similar);
  score.add("kind: " + asked.kind, score.quality);
  return score;
}

}  // namespace monocle::score
