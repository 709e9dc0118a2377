// SPDX-License-Identifier: Apache-2.0
#include "task/markup.h"

#include <algorithm>
#include <array>
#include <optional>

#include "text/fold.h"
#include "text/utf8.h"

namespace monocle::task {
namespace {

constexpr std::array<std::string_view, 14> kVoid{"area",  "base",   "br",    "col",  "embed",
                                                 "hr",    "img",    "input", "link", "meta",
                                                 "param", "source", "track", "wbr"};
constexpr std::size_t kMostParts = 5'000;  // closing tags look back over the open ones
constexpr std::size_t kLongestEntity = 10;

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f'; }
bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == ':';
}

std::optional<char32_t> entity(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, char32_t>, 6> kNamed{
      {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}}};
  for (const auto& [known, c] : kNamed) {
    if (name == known) {
      return c;
    }
  }
  if (name.size() < 2 || name[0] != '#') {
    return std::nullopt;
  }
  const bool hex = name[1] == 'x' || name[1] == 'X';
  char32_t value = 0;
  for (const char c : name.substr(hex ? 2 : 1)) {
    const int digit = c >= '0' && c <= '9'          ? c - '0'
                      : hex && c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : hex && c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                    : -1;
    if (digit < 0 || value > 0x10ffff) {
      return std::nullopt;
    }
    value = value * (hex ? 16 : 10) + static_cast<char32_t>(digit);
  }
  return value < 0x110000 && (value < 0xd800 || value > 0xdfff) ? value : U'\ufffd';
}

std::string without_entities(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t end =
        text[i] == '&' ? text.substr(i, kLongestEntity + 2).find(';') : std::string_view::npos;
    const auto c =
        end == std::string_view::npos ? std::nullopt : entity(text.substr(i + 1, end - 1));
    if (c) {
      utf8::append(out, *c);
      i += end;
    } else {
      out += text[i];
    }
  }
  return out;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Markup run() {
    pos_ = std::min(text_.find('<'), text_.size());
    while (pos_ < text_.size() && markup_.parts.size() < kMostParts) {
      text_[pos_] == '<' ? tag() : text();
    }
    markup_.balanced &= open_.empty() && !markup_.parts.empty();
    return std::move(markup_);
  }

 private:
  void text() {
    const std::size_t end = std::min(text_.find('<', pos_), text_.size());
    std::string words = collapse_space(without_entities(text_.substr(pos_, end - pos_)));
    pos_ = end;
    // Behind the last tag stand a fence or the model's own words.
    if (!words.empty() && !open_.empty()) {
      markup_.parts.push_back({MarkupPart::Kind::kText, {}, std::move(words), false, {}});
    }
  }

  void tag() {
    if (text_.substr(pos_).starts_with("<!--")) {
      return skip_behind("-->");
    }
    if (pos_ + 1 < text_.size() && (text_[pos_ + 1] == '!' || text_[pos_ + 1] == '?')) {
      return skip_behind(">");
    }
    ++pos_;
    const bool closes = pos_ < text_.size() && text_[pos_] == '/';
    pos_ += closes;
    MarkupPart part;
    part.kind = closes ? MarkupPart::Kind::kClose : MarkupPart::Kind::kOpen;
    part.name = to_lower(name());
    attributes(part);
    if (part.name.empty()) {
      markup_.balanced = false;
      return;
    }
    if (part.name == "script" || part.name == "style") {
      return closes || part.empty ? void() : skip_behind("</" + part.name + ">");
    }
    add(std::move(part));
  }

  void add(MarkupPart part) {
    if (part.kind == MarkupPart::Kind::kClose) {
      if (std::ranges::find(kVoid, part.name) != kVoid.end()) {
        return;
      }
      if (open_.empty() || open_.back() != part.name) {
        markup_.balanced = false;
        // What was left open inside is closed with it.
        const auto found = std::find(open_.rbegin(), open_.rend(), part.name);
        if (found != open_.rend()) {
          open_.erase(std::next(found).base(), open_.end());
        }
      } else {
        open_.pop_back();
      }
    } else {
      part.empty |= std::ranges::find(kVoid, part.name) != kVoid.end();
      if (!part.empty) {
        open_.push_back(part.name);
      }
    }
    markup_.parts.push_back(std::move(part));
  }

  void attributes(MarkupPart& part) {
    for (;;) {
      skip_space();
      if (pos_ >= text_.size()) {
        markup_.balanced = false;
        return;
      }
      if (text_[pos_] == '>') {
        ++pos_;
        return;
      }
      if (text_[pos_] == '/') {
        part.empty = true;
        ++pos_;
        continue;
      }
      const std::string key = to_lower(name());
      if (key.empty()) {
        ++pos_;  // a character that belongs nowhere
        continue;
      }
      part.attributes.emplace_back(key, value());
    }
  }

  std::string value() {
    skip_space();
    if (pos_ >= text_.size() || text_[pos_] != '=') {
      return {};
    }
    ++pos_;
    skip_space();
    const char quote = pos_ < text_.size() ? text_[pos_] : ' ';
    if (quote == '"' || quote == '\'') {
      const std::size_t end = std::min(text_.find(quote, pos_ + 1), text_.size());
      std::string inside = without_entities(text_.substr(pos_ + 1, end - pos_ - 1));
      pos_ = std::min(end + 1, text_.size());
      return inside;
    }
    const std::size_t begin = pos_;
    while (pos_ < text_.size() && !is_space(text_[pos_]) && text_[pos_] != '>') {
      ++pos_;
    }
    return without_entities(text_.substr(begin, pos_ - begin));
  }

  std::string_view name() {
    const std::size_t begin = pos_;
    while (pos_ < text_.size() && is_name(text_[pos_])) {
      ++pos_;
    }
    return text_.substr(begin, pos_ - begin);
  }

  void skip_space() {
    while (pos_ < text_.size() && is_space(text_[pos_])) {
      ++pos_;
    }
  }

  void skip_behind(std::string_view mark) {
    const std::size_t end = text_.find(mark, pos_);
    markup_.balanced &= end != std::string_view::npos;
    pos_ = end == std::string_view::npos ? text_.size() : end + mark.size();
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  Markup markup_;
  std::vector<std::string> open_;
};

}  // namespace

std::string_view MarkupPart::attribute(std::string_view wanted) const {
  for (const auto& [key, value] : attributes) {
    if (key == wanted) {
      return value;
    }
  }
  return {};
}

Markup parse_markup(std::string_view answer) { return Reader(answer).run(); }

}  // namespace monocle::task
