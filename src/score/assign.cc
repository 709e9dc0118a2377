// SPDX-License-Identifier: Apache-2.0
// Shortest augmenting paths with potentials, on a square matrix of costs; rows and columns count
// from 1, column 0 is the row that is being placed.
#include "score/assign.h"

#include <algorithm>
#include <limits>

namespace monocle::score {
namespace {

class Matcher {
 public:
  explicit Matcher(const std::vector<std::vector<double>>& gain)
      : gain_(gain),
        size_(std::max(gain.size(), gain.front().size())),
        row_potential_(size_ + 1),
        column_potential_(size_ + 1),
        row_of_(size_ + 1) {}

  const std::vector<std::size_t>& run() {
    for (std::size_t row = 1; row <= size_; ++row) {
      place(row);
    }
    return row_of_;
  }

 private:
  double cost(std::size_t row, std::size_t column) const {
    const bool real = row <= gain_.size() && column <= gain_.front().size();
    return real ? -gain_[row - 1][column - 1] : 0.0;
  }

  void place(std::size_t row) {
    std::vector<double> slack(size_ + 1, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> before(size_ + 1);
    std::vector<bool> reached(size_ + 1);
    std::size_t column = 0;
    row_of_[0] = row;
    while (row_of_[column] != 0) {
      reached[column] = true;
      column = extend(column, slack, before, reached);
    }
    while (column != 0) {
      row_of_[column] = row_of_[before[column]];
      column = before[column];
    }
  }

  // Relaxes the edges of the row in `column` and moves the potentials to the nearest free column.
  std::size_t extend(std::size_t column, std::vector<double>& slack,
                     std::vector<std::size_t>& before, const std::vector<bool>& reached) {
    const std::size_t row = row_of_[column];
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t next = 1; next <= size_; ++next) {
      if (reached[next]) {
        continue;
      }
      const double reduced = cost(row, next) - row_potential_[row] - column_potential_[next];
      if (reduced < slack[next]) {
        slack[next] = reduced;
        before[next] = column;
      }
      if (slack[next] < least) {
        least = slack[next];
        nearest = next;
      }
    }
    for (std::size_t i = 0; i <= size_; ++i) {
      if (reached[i]) {
        row_potential_[row_of_[i]] += least;
        column_potential_[i] -= least;
      } else {
        slack[i] -= least;
      }
    }
    return nearest;
  }

  const std::vector<std::vector<double>>& gain_;
  std::size_t size_;
  std::vector<double> row_potential_;
  std::vector<double> column_potential_;
  std::vector<std::size_t> row_of_;  // by column; 0 = free
};

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> best_matching(
    const std::vector<std::vector<double>>& gain) {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  if (gain.empty() || gain.front().empty()) {
    return pairs;
  }
  Matcher matcher(gain);
  const std::vector<std::size_t>& row_of = matcher.run();
  for (std::size_t column = 1; column < row_of.size(); ++column) {
    const std::size_t row = row_of[column];
    if (row <= gain.size() && column <= gain.front().size() && gain[row - 1][column - 1] > 0) {
      pairs.emplace_back(row - 1, column - 1);
    }
  }
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

}  // namespace monocle::score
