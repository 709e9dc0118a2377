// SPDX-License-Identifier: Apache-2.0
// A path of actions on a screen. A step is right when operation, target and argument are; the point
// may be anywhere in the component's box, edges included (ScreenSpot's rule), or the component
// named by its id. Beside it the 14 % rule of AndroidControl's users: near the box's middle.
#include <algorithm>
#include <cmath>
#include <vector>

#include "score/score.h"
#include "text/fold.h"

namespace monocle::score {
namespace {

using task::Action;

constexpr double kNear = 0.14;  // of the screen, in both directions together

struct Screen {
  double width;
  double height;
};

bool inside(const Action& action, const GoldAction& gold, const Screen& screen) {
  if (!gold.action.id.empty() && action.id == gold.action.id) {
    return true;
  }
  if (!action.point || !gold.box) {
    return false;
  }
  const double x = action.point->x * screen.width / 1000;
  const double y = action.point->y * screen.height / 1000;
  const auto& [left, top, right, bottom] = *gold.box;
  return left <= x && x <= right && top <= y && y <= bottom;
}

bool near_middle(const Action& action, const GoldAction& gold, const Screen& screen) {
  if (!action.point || !gold.box) {
    return false;
  }
  const auto& [left, top, right, bottom] = *gold.box;
  return std::hypot(action.point->x / 1000 - (left + right) / 2 / screen.width,
                    action.point->y / 1000 - (top + bottom) / 2 / screen.height) <= kNear;
}

bool right_step(const Action& action, const GoldAction& gold, const Screen& screen) {
  if (action.op != gold.action.op) {
    return false;
  }
  if (action.op == "scroll") {
    return action.direction == gold.action.direction;
  }
  return to_nfkc(action.text) == to_nfkc(gold.action.text) && inside(action, gold, screen);
}

// Length of the longest common subsequence of right steps: order matters, additions do not shift.
std::size_t common_steps(const std::vector<Action>& path, const std::vector<GoldAction>& gold,
                         const Screen& screen) {
  std::vector<std::size_t> row(gold.size() + 1);
  for (const Action& action : path) {
    const std::vector<std::size_t> before = row;
    for (std::size_t j = 0; j < gold.size(); ++j) {
      row[j + 1] =
          right_step(action, gold[j], screen) ? before[j] + 1 : std::max(before[j + 1], row[j]);
    }
  }
  return row.back();
}

}  // namespace

Score score_gui(const Case& asked, std::string_view answer) {
  const Screen screen{static_cast<double>(asked.width), static_cast<double>(asked.height)};
  const auto parsed = task::parse_actions(answer);
  const std::vector<Action> path = parsed.value_or(std::vector<Action>());
  const std::vector<GoldAction>& gold = asked.actions;
  Score score;
  score.valid = parsed.has_value();
  const auto right = static_cast<double>(common_steps(path, gold, screen));
  score.quality = right / static_cast<double>(std::max(path.size(), gold.size()));
  const bool whole = score.quality >= 1;
  score.add("path_exact", whole ? 1 : 0);
  if (std::ranges::any_of(gold, [](const GoldAction& step) { return step.box.has_value(); })) {
    score.add("path_exact_there", whole ? 1 : 0);
  }
  score.add("step_success", right, static_cast<double>(gold.size()));
  for (std::size_t i = 0; i < gold.size(); ++i) {
    if (!gold[i].box) {
      continue;
    }
    const bool there = i < path.size();
    score.add("click_in_box", there && inside(path[i], gold[i], screen) ? 1 : 0);
    score.add("click_within_14_percent", there && near_middle(path[i], gold[i], screen) ? 1 : 0);
  }
  score.add("valid", score.valid ? 1 : 0);
  score.add("kind: " + asked.kind, whole ? 1 : 0);
  return score;
}

}  // namespace monocle::score
