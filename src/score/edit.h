// SPDX-License-Identifier: Apache-2.0
// Distances between texts, in code points. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace monocle::score {

// Levenshtein distance; time is the product of the lengths, memory the shorter one.
std::size_t edit_distance(std::u32string_view a, std::u32string_view b);

// 1 - distance / longer length, 1 for two empty texts. UTF-8.
double similarity(std::string_view a, std::string_view b);

// Ratcliff and Obershelp's ratio, as Python's difflib defines it (without its junk rule for long
// texts): twice the characters in common over all, where the longest common stretch comes first and
// then the same to its left and right. UTF-8.
double sequence_ratio(std::string_view a, std::string_view b);

}  // namespace monocle::score
