// SPDX-License-Identifier: Apache-2.0
// HTML or XML as a flat list of tags and texts. Tolerant: no error, whatever the bytes; `balanced`
// says whether it would render as meant. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace monocle::task {

struct MarkupPart {
  enum class Kind : std::uint8_t { kOpen, kClose, kText };
  Kind kind = Kind::kText;
  std::string name;    // of a tag, lower case
  std::string text;    // of a text, entities undone, white space collapsed; never empty
  bool empty = false;  // an open tag that closes itself: <br/>, <input>
  std::vector<std::pair<std::string, std::string>> attributes;

  [[nodiscard]] std::string_view attribute(std::string_view wanted) const;  // "" = absent
};

struct Markup {
  std::vector<MarkupPart> parts;
  bool balanced = true;  // every tag closed, in order, nothing cut off
};

// Comments, declarations, <script> and <style> are skipped; so are a ``` fence around the answer
// and text before the first tag.
Markup parse_markup(std::string_view answer);

}  // namespace monocle::task
