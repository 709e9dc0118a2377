// SPDX-License-Identifier: Apache-2.0
#include "score/page_layout.h"

#include <algorithm>
#include <array>

#include "text/fold.h"

namespace monocle::score {
namespace {

constexpr double kMargin = 16;
constexpr double kGap = 10;      // below a block
constexpr double kColumn = 112;  // of a table
constexpr double kPadding = 20;  // left and right of a button's text

double font_size(const std::string& tag) {
  constexpr std::array<std::pair<std::string_view, double>, 3> kHeadings{
      {{"h1", 26}, {"h2", 22}, {"h3", 18}}};
  for (const auto& [name, size] : kHeadings) {
    if (tag == name) {
      return size;
    }
  }
  return 16;
}

// A hanzi is as wide as it is high, a Latin letter a little more than half.
double text_width(const std::string& text, double size) {
  double width = 0;
  for (const char32_t c : to_code_points(text)) {
    width += c >= 0x2e80 ? size : 0.55 * size;
  }
  return width;
}

// Inline elements continue the row; everything else begins one.
bool begins_row(const std::string& tag) {
  constexpr std::array kInline{"a", "b", "i", "em", "span", "strong", "td", "th", "label", "small"};
  return std::ranges::find(kInline, tag) == kInline.end();
}

class Layout {
 public:
  std::vector<Block> run(const task::Markup& markup) {
    for (const task::MarkupPart& part : markup.parts) {
      switch (part.kind) {
        case task::MarkupPart::Kind::kOpen:
          open(part);
          break;
        case task::MarkupPart::Kind::kClose:
          if (begins_row(part.name)) {
            next_row();
          }
          close(part.name);
          break;
        case task::MarkupPart::Kind::kText:
          place(tags_.empty() ? "" : tags_.back(), part.text);
          break;
      }
    }
    return std::move(blocks_);
  }

 private:
  void open(const task::MarkupPart& part) {
    if (begins_row(part.name)) {
      next_row();
    }
    if (part.name == "td" || part.name == "th") {
      x_ = kMargin + kColumn * static_cast<double>(column_++);
    }
    if (part.name == "input" || part.name == "textarea") {
      const std::string hint = collapse_space(part.attribute("placeholder"));
      place("input", hint.empty() ? std::string(part.attribute("value")) : hint);
      next_row();
    }
    if (!part.empty) {
      tags_.push_back(part.name);
    }
  }

  void close(const std::string& name) {
    const auto found = std::find(tags_.rbegin(), tags_.rend(), name);
    if (found != tags_.rend()) {
      tags_.erase(std::next(found).base(), tags_.end());
    }
  }

  void place(const std::string& tag, const std::string& text) {
    if (text.empty()) {
      return;
    }
    const double size = font_size(tag);
    const double padding = tag == "button" ? 2 * kPadding : 0;
    const double width = tag == "input" ? 284 : text_width(text, size) + padding;
    const double height = tag == "button" || tag == "input" ? 36 : size * 1.3;
    blocks_.push_back({tag, text, x_ + width / 2, y_ + height / 2, width, height});
    x_ += width + kGap * 2;
    row_height_ = std::max(row_height_, height);
  }

  void next_row() {
    if (row_height_ > 0) {
      y_ += row_height_ + kGap;
    }
    x_ = kMargin;
    row_height_ = 0;
    column_ = 0;
  }

  std::vector<Block> blocks_;
  std::vector<std::string> tags_;  // open ones
  double x_ = kMargin;
  double y_ = kMargin;
  double row_height_ = 0;
  int column_ = 0;
};

}  // namespace

std::vector<Block> lay_out(const task::Markup& markup) { return Layout().run(markup); }

}  // namespace monocle::score
