// SPDX-License-Identifier: Apache-2.0
// Where the texts of a simple page would stand, without a browser: a nominal layout of our own,
// used on both sides of a comparison. It knows headings, paragraphs, lists, tables, rows of links,
// buttons and fields; it does not know CSS. Pure.
#pragma once

#include <string>
#include <vector>

#include "task/markup.h"

namespace monocle::score {

struct Block {
  std::string tag;
  std::string text;
  double x = 0;  // of its middle, nominal pixels
  double y = 0;
  double width = 0;
  double height = 0;
};

// One block per text and per placeholder, in document order.
std::vector<Block> lay_out(const task::Markup& markup);

}  // namespace monocle::score
