// SPDX-License-Identifier: Apache-2.0
#include "score/edit.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "text/fold.h"

namespace monocle::score {
namespace {

struct Stretch {
  std::size_t a = 0;
  std::size_t b = 0;
  std::size_t length = 0;
};

// The earliest of the longest common stretches.
Stretch longest_common(std::u32string_view a, std::u32string_view b) {
  Stretch best;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = 0;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = a[i] == b[j] ? diagonal + 1 : 0;
      if (row[j + 1] > best.length) {
        best = {i + 1 - row[j + 1], j + 1 - row[j + 1], row[j + 1]};
      }
      diagonal = above;
    }
  }
  return best;
}

std::size_t common_characters(std::u32string_view a, std::u32string_view b) {
  std::size_t common = 0;
  std::vector<std::pair<std::u32string_view, std::u32string_view>> open{{a, b}};
  while (!open.empty()) {
    const auto [left, right] = open.back();
    open.pop_back();
    const Stretch stretch = longest_common(left, right);
    if (stretch.length == 0) {
      continue;
    }
    common += stretch.length;
    open.emplace_back(left.substr(0, stretch.a), right.substr(0, stretch.b));
    open.emplace_back(left.substr(stretch.a + stretch.length),
                      right.substr(stretch.b + stretch.length));
  }
  return common;
}

}  // namespace

std::size_t edit_distance(std::u32string_view a, std::u32string_view b) {
  if (a.size() < b.size()) {
    std::swap(a, b);
  }
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

double similarity(std::string_view a, std::string_view b) {
  const std::u32string left = to_code_points(a);
  const std::u32string right = to_code_points(b);
  const std::size_t longest = std::max(left.size(), right.size());
  return longest == 0
             ? 1.0
             : 1.0 - static_cast<double>(edit_distance(left, right)) / static_cast<double>(longest);
}

double sequence_ratio(std::string_view a, std::string_view b) {
  const std::u32string left = to_code_points(a);
  const std::u32string right = to_code_points(b);
  const std::size_t all = left.size() + right.size();
  return all == 0
             ? 1.0
             : 2.0 * static_cast<double>(common_characters(left, right)) / static_cast<double>(all);
}

}  // namespace monocle::score
