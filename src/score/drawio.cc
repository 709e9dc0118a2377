// SPDX-License-Identifier: Apache-2.0
// A flow chart as Draw.io XML: which boxes there are, and which arrows between them. Where they
// stand is not scored.
#include <vector>

#include "score/assign.h"
#include "score/edit.h"
#include "score/score.h"
#include "task/graph.h"
#include "text/fold.h"

namespace monocle::score {
namespace {

using task::Graph;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;  // (gold, found)

constexpr double kSameLabel = 0.8;

Pairs paired(const Graph& gold, const Graph& found) {
  std::vector<std::vector<double>> gain(gold.nodes.size(), std::vector<double>(found.nodes.size()));
  for (std::size_t i = 0; i < gold.nodes.size(); ++i) {
    for (std::size_t j = 0; j < found.nodes.size(); ++j) {
      const double alike = similarity(to_nfkc(gold.nodes[i].label), to_nfkc(found.nodes[j].label));
      const bool same = alike >= kSameLabel && gold.nodes[i].shape == found.nodes[j].shape;
      gain[i][j] = same ? alike : 0.0;
    }
  }
  return best_matching(gain);
}

double f1(double common, std::size_t gold, std::size_t found) {
  return gold + found == 0 ? 1.0 : 2 * common / static_cast<double>(gold + found);
}

// The gold node's id for every matched id of the answer.
std::string translated(const std::string& id, const Graph& gold, const Graph& found,
                       const Pairs& pairs) {
  for (const auto& [i, j] : pairs) {
    if (found.nodes[j].id == id) {
      return gold.nodes[i].id;
    }
  }
  return {};
}

double common_edges(const Graph& gold, const Graph& found, const Pairs& pairs) {
  std::vector<bool> used(gold.edges.size());
  double common = 0;
  for (const task::GraphEdge& edge : found.edges) {
    const std::string source = translated(edge.source, gold, found, pairs);
    const std::string target = translated(edge.target, gold, found, pairs);
    for (std::size_t i = 0; i < gold.edges.size(); ++i) {
      if (!used[i] && !source.empty() && gold.edges[i].source == source &&
          gold.edges[i].target == target) {
        used[i] = true;
        ++common;
        break;
      }
    }
  }
  return common;
}

}  // namespace

Score score_drawio(const Case& asked, std::string_view answer) {
  Score score;
  const auto gold = task::parse_graph(asked.answers.front());
  const auto found = task::parse_graph(answer);
  score.valid = found.has_value();
  score.add("renders", score.valid ? 1 : 0);
  double nodes = 0;
  double edges = 0;
  if (gold && found) {
    const Pairs pairs = paired(*gold, *found);
    nodes = f1(static_cast<double>(pairs.size()), gold->nodes.size(), found->nodes.size());
    edges = f1(common_edges(*gold, *found, pairs), gold->edges.size(), found->edges.size());
  }
  score.quality = (nodes + edges) / 2;
  score.add("node_f1", nodes);
  score.add("edge_f1", edges);
  score.add("graph_exact", score.quality >= 1 ? 1 : 0);
  return score;
}

}  // namespace monocle::score
