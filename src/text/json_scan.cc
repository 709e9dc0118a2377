// SPDX-License-Identifier: Apache-2.0
#include "text/json_scan.h"

#include <fmt/format.h>

#include <charconv>

#include "text/utf8.h"

namespace monocle {
namespace {

bool hex4(std::string_view raw, std::size_t pos, char32_t& out) {
  if (pos + 4 > raw.size()) {
    return false;
  }
  std::uint32_t value = 0;
  const char* begin = raw.data() + pos;
  const auto [end, error] = std::from_chars(begin, begin + 4, value, 16);
  out = value;
  return error == std::errc() && end == begin + 4;
}

// `\uXXXX` with the backslash at pos - 2; moves pos behind the escape and its second half.
bool unescape_unicode(std::string_view raw, std::size_t& pos, std::string& out) {
  char32_t c = 0;
  if (!hex4(raw, pos, c)) {
    return false;
  }
  pos += 4;
  if (c >= 0xdc00 && c <= 0xdfff) {
    return false;
  }
  if (c >= 0xd800 && c <= 0xdbff) {
    char32_t low = 0;
    if (!raw.substr(pos).starts_with("\\u") || !hex4(raw, pos + 2, low) || low < 0xdc00 ||
        low > 0xdfff) {
      return false;
    }
    pos += 6;
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  }
  utf8::append(out, c);
  return true;
}

}  // namespace

void JsonScanner::skip_space() {
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
      return;
    }
    ++pos_;
  }
}

bool JsonScanner::wrong(std::string_view what) {
  if (error_.empty()) {
    error_ = pos_ >= text_.size() ? fmt::format("the file ends where {} should follow", what)
                                  : fmt::format("{} expected at byte {}", what, pos_);
  }
  return false;
}

bool JsonScanner::accept(char c) {
  skip_space();
  if (!error_.empty() || pos_ >= text_.size() || text_[pos_] != c) {
    return false;
  }
  ++pos_;
  return true;
}

bool JsonScanner::expect(char c) { return accept(c) || wrong(std::string_view(&c, 1)); }

bool JsonScanner::raw_string(std::string_view& out) {
  if (!expect('"')) {
    return false;
  }
  const std::size_t begin = pos_;
  while (pos_ < text_.size()) {
    const auto c = static_cast<unsigned char>(text_[pos_]);
    if (c == '"') {
      out = text_.substr(begin, pos_ - begin);
      ++pos_;
      return true;
    }
    if (c < 0x20) {
      return wrong("a string without control characters");
    }
    pos_ += c == '\\' ? 2U : 1U;
  }
  pos_ = text_.size();
  return wrong("a closing quote");
}

bool JsonScanner::unsigned_integer(std::uint32_t limit, std::uint32_t& out) {
  skip_space();
  if (!error_.empty()) {
    return false;
  }
  const char* begin = text_.data() + pos_;
  const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), out);
  if (error == std::errc::invalid_argument) {
    return wrong("a number");
  }
  if (error != std::errc() || out > limit) {
    return wrong(fmt::format("a number up to {}", limit));
  }
  pos_ += static_cast<std::size_t>(end - begin);
  return true;
}

bool JsonScanner::raw_value(std::string_view& out) {
  skip_space();
  const std::size_t begin = pos_;
  std::size_t depth = 0;
  do {
    skip_space();
    if (!error_.empty() || pos_ >= text_.size()) {
      return wrong("a value");
    }
    const char c = text_[pos_];
    if (c == '"') {
      std::string_view ignored;
      if (!raw_string(ignored)) {
        return false;
      }
    } else if (c == '{' || c == '[') {
      ++depth;
      ++pos_;
    } else if (c == '}' || c == ']') {
      if (depth == 0) {
        return wrong("a value");
      }
      --depth;
      ++pos_;
    } else if (c == ',' || c == ':') {
      if (depth == 0) {
        return wrong("a value");
      }
      ++pos_;
    } else {
      const std::size_t end = text_.find_first_of(",:]}[{\" \n\t\r", pos_);
      pos_ = end == std::string_view::npos ? text_.size() : end;
    }
  } while (depth > 0);
  out = text_.substr(begin, pos_ - begin);
  return true;
}

bool JsonScanner::expect_end() {
  skip_space();
  return error_.empty() && (pos_ == text_.size() || wrong("the end of the file"));
}

bool json_unescape(std::string_view raw, std::string& out) {
  out.clear();
  std::size_t pos = 0;
  while (pos < raw.size()) {
    const char c = raw[pos++];
    if (c != '\\') {
      out.push_back(c);
      continue;
    }
    if (pos >= raw.size()) {
      return false;
    }
    switch (raw[pos++]) {
      case '"':
        out.push_back('"');
        break;
      case '\\':
        out.push_back('\\');
        break;
      case '/':
        out.push_back('/');
        break;
      case 'b':
        out.push_back('\b');
        break;
      case 'f':
        out.push_back('\f');
        break;
      case 'n':
        out.push_back('\n');
        break;
      case 'r':
        out.push_back('\r');
        break;
      case 't':
        out.push_back('\t');
        break;
      case 'u':
        if (!unescape_unicode(raw, pos, out)) {
          return false;
        }
        break;
      default:
        return false;
    }
  }
  return true;
}

}  // namespace monocle
