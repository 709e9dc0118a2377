// SPDX-License-Identifier: Apache-2.0
// Rules of public benchmarks for one short answer. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace monocle::score {

// ANLS of DocVQA and InfographicVQA: the best 1 - NL over the right answers, 0 where it is below
// 1/2 (NL of exactly 1/2 counts, as the common evaluation kit has it). The distance is taken after
// lower case and collapsing white space, but divided by the length before that: the kit does so,
// and scores of published models carry it.
double anls(std::span<const std::string> gold, std::string_view answer);

// ChartQA's relaxed accuracy: a plain number (12 % is 0.12) within 5 % of a gold number that is not
// 0; everything else equal but for case.
bool relaxed_correct(std::string_view gold, std::string_view answer);

// Equal after NFKC, lower case, without white space and closing punctuation.
bool same_text(std::string_view gold, std::string_view answer);

}  // namespace monocle::score
