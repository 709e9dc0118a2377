// SPDX-License-Identifier: Apache-2.0
// Means over many cases, with the interval that as many other cases could give. Pure; the same
// scores and seed give the same intervals on every machine.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "score/score.h"

namespace monocle::score {

struct Mean {
  double value = 0;
  double low = 0;  // 95 % bootstrap interval over cases
  double high = 0;
  double count = 0;  // what the metric was counted over: cases, steps, characters
};

struct Summary {
  std::size_t cases = 0;
  Mean quality;  // Q
  Mean points;   // five-point scale, 1 + 4 Q per case
  Mean rubric;
  std::map<std::string, Mean> metrics;
};

// `scores`: one list per case, its answers at several seeds (or one). Cases are drawn with
// replacement, a case with all its answers.
Summary summarize(std::span<const std::vector<Score>> scores, std::uint64_t seed);

// How alike two answers are, token by token: the share of places, over the longer answer, at which
// both have the same token.
double token_agreement(std::span<const std::string> a, std::span<const std::string> b);

}  // namespace monocle::score
