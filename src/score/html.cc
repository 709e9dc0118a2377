// SPDX-License-Identifier: Apache-2.0
// A web page as HTML, by Design2Code's measures of matched text blocks, on the nominal layout
// instead of a browser's: size, text and position. Colours are not in the subset and CLIP's weights
// are not here, so both are left out of the mean.
#include <algorithm>
#include <cmath>
#include <vector>

#include "score/assign.h"
#include "score/edit.h"
#include "score/page_layout.h"
#include "score/score.h"

namespace monocle::score {
namespace {

using Blocks = std::vector<Block>;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;  // (gold, found)

constexpr double kSameBlock = 0.5;

Pairs paired(const Blocks& gold, const Blocks& found) {
  std::vector<std::vector<double>> gain(gold.size(), std::vector<double>(found.size()));
  for (std::size_t i = 0; i < gold.size(); ++i) {
    for (std::size_t j = 0; j < found.size(); ++j) {
      const double alike = sequence_ratio(gold[i].text, found[j].text);
      // Of equal texts the one at about the same place of the document.
      const double near = 1e-6 * static_cast<double>(i > j ? i - j : j - i);
      gain[i][j] = alike >= kSameBlock ? alike - std::min(near, 0.1) : 0.0;
    }
  }
  return best_matching(gain);
}

double area(const Blocks& blocks) {
  double all = 0;
  for (const Block& block : blocks) {
    all += block.width * block.height;
  }
  return all;
}

struct Extent {
  double width = 1;
  double height = 1;
};

Extent extent(const Blocks& blocks) {
  Extent all;
  for (const Block& block : blocks) {
    all.width = std::max(all.width, block.x + block.width / 2);
    all.height = std::max(all.height, block.y + block.height / 2);
  }
  return all;
}

struct BlockScores {
  double size = 0;
  double text = 0;
  double position = 0;
};

BlockScores compare(const Blocks& gold, const Blocks& found) {
  BlockScores scores;
  const Pairs pairs = paired(gold, found);
  if (pairs.empty()) {
    return scores;
  }
  const Extent page = extent(gold);
  double matched = 0;
  for (const auto& [i, j] : pairs) {
    const Block& a = gold[i];
    const Block& b = found[j];
    matched += a.width * a.height + b.width * b.height;
    scores.text += sequence_ratio(a.text, b.text);
    scores.position += 1 - std::min(1.0, std::max(std::abs(a.x - b.x) / page.width,
                                                  std::abs(a.y - b.y) / page.height));
  }
  const auto count = static_cast<double>(pairs.size());
  scores.size = matched / (area(gold) + area(found));
  scores.text /= count;
  scores.position /= count;
  return scores;
}

// The same tags and texts in the same order; attributes other than placeholders do not matter.
bool same_tree(const task::Markup& gold, const task::Markup& found) {
  return std::ranges::equal(gold.parts, found.parts,
                            [](const task::MarkupPart& a, const task::MarkupPart& b) {
                              return a.kind == b.kind && a.name == b.name && a.text == b.text &&
                                     a.attribute("placeholder") == b.attribute("placeholder");
                            });
}

}  // namespace

Score score_html(const Case& asked, std::string_view answer) {
  const task::Markup gold = task::parse_markup(asked.answers.front());
  const task::Markup found = task::parse_markup(answer);
  const BlockScores blocks = compare(lay_out(gold), lay_out(found));
  Score score;
  score.valid = found.balanced;
  score.quality = (blocks.size + blocks.text + blocks.position) / 3;
  score.add("renders", score.valid ? 1 : 0);
  score.add("block_size", blocks.size);
  score.add("block_text", blocks.text);
  score.add("block_position", blocks.position);
  score.add("tree_exact", score.valid && same_tree(gold, found) ? 1 : 0);
  return score;
}

}  // namespace monocle::score
