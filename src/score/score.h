// SPDX-License-Identifier: Apache-2.0
// How right an answer is. One rule per task; the formulas and where they come from are in
// docs/user/quality-rules.md. Pure functions: the same case and answer give the same score.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "score/case.h"

namespace monocle::score {

// A share as numerator over denominator: means over many cases weigh each by its count.
struct Ratio {
  double sum = 0;
  double count = 0;
};

struct Score {
  double quality = 0;  // Q of the task's rule, 0 to 1
  bool valid = true;   // the answer has the form the task asks for
  std::map<std::string, Ratio> metrics;

  void add(const std::string& name, double sum, double count = 1) {
    Ratio& ratio = metrics[name];
    ratio.sum += sum;
    ratio.count += count;
  }
};

// The rule of the case's task.
Score score_answer(const Case& asked, std::string_view answer);

// The five-point scale: 1 + 4 Q, fixed before anything was measured.
double five_points(double quality);
// The same as a person could give it: 5 all right, 4 at least 80 % and valid, 3 at least 60 %, 2 at
// least 30 %, else 1.
int rubric_points(const Score& score);

Score score_vqa(const Case& asked, std::string_view answer);
Score score_gui(const Case& asked, std::string_view answer);
Score score_contract(const Case& asked, std::string_view answer);
Score score_video(const Case& asked, std::string_view answer);
Score score_html(const Case& asked, std::string_view answer);
Score score_drawio(const Case& asked, std::string_view answer);
Score score_reading(const Case& asked, std::string_view answer);

}  // namespace monocle::score
