// SPDX-License-Identifier: Apache-2.0
// The steps of a clip. Steps are paired by the Hungarian method on the similarity of their texts,
// of which a pair needs 0.6; then their times are compared.
#include <algorithm>
#include <cmath>
#include <vector>

#include "score/assign.h"
#include "score/edit.h"
#include "score/score.h"
#include "text/fold.h"

namespace monocle::score {
namespace {

using task::TimedStep;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;  // (gold, found)

constexpr double kSameText = 0.6;
constexpr double kNear_s = 3;  // the tolerance that published claims use
constexpr double kClose_s = 1;

Pairs paired(const std::vector<TimedStep>& gold, const std::vector<TimedStep>& found) {
  std::vector<std::vector<double>> gain(gold.size(), std::vector<double>(found.size()));
  for (std::size_t i = 0; i < gold.size(); ++i) {
    for (std::size_t j = 0; j < found.size(); ++j) {
      const double alike =
          similarity(to_lower(to_nfkc(gold[i].text)), to_lower(to_nfkc(found[j].text)));
      gain[i][j] = alike >= kSameText ? alike : 0.0;
    }
  }
  return best_matching(gain);
}

double overlap(const TimedStep& a, const TimedStep& b) {
  const double both = std::min(a.end_s, b.end_s) - std::max(a.start_s, b.start_s);
  const double either = std::max(a.end_s, b.end_s) - std::min(a.start_s, b.start_s);
  return both > 0 && either > 0 ? both / either : 0.0;
}

// Kendall's tau of the pairs' order; one pair is in order.
double order(const Pairs& pairs) {
  double agree = 0;
  double count = 0;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    for (std::size_t j = i + 1; j < pairs.size(); ++j) {
      agree += pairs[i].second < pairs[j].second ? 1 : -1;
      ++count;
    }
  }
  return count > 0 ? agree / count : 1.0;
}

}  // namespace

Score score_video(const Case& asked, std::string_view answer) {
  const std::vector<TimedStep>& gold = asked.steps;
  const std::vector<TimedStep> found = task::parse_steps(answer);
  const Pairs pairs = paired(gold, found);
  const auto matched = static_cast<double>(pairs.size());
  const auto all = static_cast<double>(gold.size());
  Score score;
  score.valid = !found.empty();
  double timing = 0;
  for (const auto& [i, j] : pairs) {
    const double off = std::abs(gold[i].start_s - found[j].start_s);
    const double iou = overlap(gold[i], found[j]);
    timing += 0.5 * (off <= kNear_s ? 1 : 0) + 0.5 * iou;
    score.add("start_error_s", off);
    score.add("within_1_s", off <= kClose_s ? 1 : 0);
    score.add("within_3_s", off <= kNear_s ? 1 : 0);
    score.add("temporal_iou", iou);
    score.add("recall_at_iou_0.5", iou >= 0.5 ? 1 : 0, 0);
    score.add("recall_at_iou_0.7", iou >= 0.7 ? 1 : 0, 0);
  }
  // A step that was not found has no time, and counts against recall.
  score.add("recall_at_iou_0.5", 0, all);
  score.add("recall_at_iou_0.7", 0, all);
  const double f1 = 2 * matched / (all + static_cast<double>(found.size()));
  score.add("step_f1", f1);
  if (!pairs.empty()) {
    score.add("order_tau", order(pairs));
  }
  score.add("valid", score.valid ? 1 : 0);
  score.quality = pairs.empty() ? 0.0 : f1 * timing / matched;
  return score;
}

}  // namespace monocle::score
