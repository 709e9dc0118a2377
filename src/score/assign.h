// SPDX-License-Identifier: Apache-2.0
// The best one-to-one matching between two lists (Hungarian method). Pure.
#pragma once

#include <utility>
#include <vector>

namespace monocle::score {

// Pairs (row, column) of the matching whose gains add up to the most; gain[row][column] >= 0, rows
// of one length. Pairs that gain nothing are left out. Cubic in the longer side.
std::vector<std::pair<std::size_t, std::size_t>> best_matching(
    const std::vector<std::vector<double>>& gain);

}  // namespace monocle::score
