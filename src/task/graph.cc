// SPDX-License-Identifier: Apache-2.0
#include "task/graph.h"

#include "task/markup.h"
#include "text/fold.h"

namespace monocle::task {
namespace {

// mxGraph names a shape inside a style of many words.
std::string shape_of(std::string_view style) {
  for (const std::string_view shape :
       {"rhombus", "ellipse", "parallelogram", "hexagon", "cylinder"}) {
    if (style.find(shape) != std::string_view::npos) {
      return std::string(shape);
    }
  }
  return style.find("rounded=1") != std::string_view::npos ? "rounded" : "rect";
}

}  // namespace

std::optional<Graph> parse_graph(std::string_view answer) {
  const Markup markup = parse_markup(answer);
  if (!markup.balanced) {
    return std::nullopt;
  }
  Graph graph;
  bool cells = false;
  for (const MarkupPart& part : markup.parts) {
    if (part.kind != MarkupPart::Kind::kOpen || part.name != "mxcell") {
      continue;
    }
    cells = true;
    const std::string label = collapse_space(part.attribute("value"));
    if (part.attribute("edge") == "1") {
      graph.edges.push_back(
          {std::string(part.attribute("source")), std::string(part.attribute("target")), label});
    } else if (part.attribute("vertex") == "1" && !label.empty()) {
      graph.nodes.push_back(
          {std::string(part.attribute("id")), label, shape_of(part.attribute("style"))});
    }
  }
  return cells ? std::optional(std::move(graph)) : std::nullopt;
}

}  // namespace monocle::task
