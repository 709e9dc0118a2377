// SPDX-License-Identifier: Apache-2.0
#include "score/score.h"

#include <algorithm>

namespace monocle::score {

Score score_answer(const Case& asked, std::string_view answer) {
  switch (asked.task) {
    case Task::kVqa:
      return score_vqa(asked, answer);
    case Task::kGui:
      return score_gui(asked, answer);
    case Task::kContract:
      return score_contract(asked, answer);
    case Task::kVideo:
      return score_video(asked, answer);
    case Task::kHtml:
      return score_html(asked, answer);
    case Task::kDrawio:
      return score_drawio(asked, answer);
    case Task::kReading:
      return score_reading(asked, answer);
  }
  return {};
}

double five_points(double quality) { return 1 + 4 * std::clamp(quality, 0.0, 1.0); }

int rubric_points(const Score& score) {
  constexpr double kRounding = 1e-9;
  const double q = score.quality + kRounding;
  return q >= 1 ? 5 : q >= 0.8 && score.valid ? 4 : q >= 0.6 ? 3 : q >= 0.3 ? 2 : 1;
}

}  // namespace monocle::score
