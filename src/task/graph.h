// SPDX-License-Identifier: Apache-2.0
// A flow chart as Draw.io's mxGraphModel describes it. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace monocle::task {

struct GraphNode {
  std::string id;
  std::string label;
  std::string shape;  // "rect", "rounded", "rhombus", "ellipse", …
};

struct GraphEdge {
  std::string source;  // ids
  std::string target;
  std::string label;
};

struct Graph {
  std::vector<GraphNode> nodes;
  std::vector<GraphEdge> edges;
};

// Nothing when the answer is no well-formed XML with at least one mxCell.
std::optional<Graph> parse_graph(std::string_view answer);

}  // namespace monocle::task
