// SPDX-License-Identifier: Apache-2.0
#include "text/pretokenizer.h"

#include <array>
#include <cstdint>

#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace monocle {

const std::string_view kSplitPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

enum class Kind : std::uint8_t {
  kLetter,
  kNumber,
  kNewline,
  kSpace,
  kOther
};  // kSpace: \s without \r and \n

Kind classify_slow(char32_t c) {
  if (unicode::kLetter.contains(c)) {
    return Kind::kLetter;
  }
  if (unicode::kNumber.contains(c)) {
    return Kind::kNumber;
  }
  if (c == U'\n' || c == U'\r') {
    return Kind::kNewline;
  }
  return unicode::kSpace.contains(c) ? Kind::kSpace : Kind::kOther;
}

constexpr std::array<Kind, 128> kAscii = [] {
  std::array<Kind, 128> table{};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool number = c >= '0' && c <= '9';
    const bool newline = c == '\n' || c == '\r';
    const bool space = c == ' ' || (c >= 9 && c <= 13);
    table[c] = letter    ? Kind::kLetter
               : number  ? Kind::kNumber
               : newline ? Kind::kNewline
               : space   ? Kind::kSpace
                         : Kind::kOther;
  }
  return table;
}();

struct Char {
  Kind kind;
  std::uint32_t length;
};

Char char_at(std::string_view text, std::size_t pos) {
  const auto byte = static_cast<unsigned char>(text[pos]);
  if (byte < 0x80) {
    return {kAscii[byte], 1};
  }
  const auto step = utf8::decode_valid(text.data() + pos);
  // CJK ideographs and Hangul syllables are letters throughout: no search.
  if ((step.code_point >= 0x4e00 && step.code_point <= 0x9fff) ||
      (step.code_point >= 0xac00 && step.code_point <= 0xd7a3)) {
    return {Kind::kLetter, step.length};
  }
  return {classify_slow(step.code_point), step.length};
}

template <class Accept>
std::size_t skip_while(std::string_view text, std::size_t pos, Accept accept) {
  while (pos < text.size()) {
    const Char c = char_at(text, pos);
    if (!accept(c.kind)) {
      break;
    }
    pos += c.length;
  }
  return pos;
}

std::size_t skip_letters(std::string_view text, std::size_t pos) {
  return skip_while(text, pos, [](Kind k) { return k == Kind::kLetter; });
}

// 's 't 're 've 'm 'll 'd in any case at text[pos] == '\''; the end, or pos when there is none.
// U+017F folds to s.
std::size_t contraction_end(std::string_view text, std::size_t pos) {
  const std::string_view rest = text.substr(pos + 1);
  if (rest.starts_with("\u017f")) {
    return pos + 3;
  }
  const auto lower = [rest](std::size_t i) {
    const char c = i < rest.size() ? rest[i] : '\0';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  switch (lower(0)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return pos + 2;
    case 'r':
    case 'v':
      return lower(1) == 'e' ? pos + 3 : pos;
    case 'l':
      return lower(1) == 'l' ? pos + 3 : pos;
    default:
      return pos;
  }
}

// A run of white space. `\s*[\r\n]+` takes everything up to the last newline of the run; without
// one, `\s+(?!\S)` leaves the last character to the word that follows, unless the run ends the text
// or is that one character.
std::size_t white_space_end(std::string_view text, std::size_t begin) {
  std::size_t after_newline = begin;
  std::size_t last = begin;
  std::size_t pos = begin;
  while (pos < text.size()) {
    const Char c = char_at(text, pos);
    if (c.kind != Kind::kSpace && c.kind != Kind::kNewline) {
      break;
    }
    last = pos;
    pos += c.length;
    if (c.kind == Kind::kNewline) {
      after_newline = pos;
    }
  }
  if (after_newline != begin) {
    return after_newline;
  }
  return pos == text.size() || last == begin ? pos : last;
}

// ` ?[^\s\p{L}\p{N}]+[\r\n]*` from its first symbol on.
std::size_t symbols_end(std::string_view text, std::size_t pos) {
  pos = skip_while(text, pos, [](Kind k) { return k == Kind::kOther; });
  return skip_while(text, pos, [](Kind k) { return k == Kind::kNewline; });
}

}  // namespace

std::size_t pretoken_end(std::string_view text, std::size_t begin) {
  const Char first = char_at(text, begin);
  const std::size_t second = begin + first.length;
  if (first.kind == Kind::kLetter) {
    return skip_letters(text, second);
  }
  if (first.kind == Kind::kNumber) {
    return second;
  }
  if (text[begin] == '\'') {
    if (const std::size_t end = contraction_end(text, begin); end != begin) {
      return end;
    }
  }
  if (first.kind != Kind::kNewline && second < text.size()) {
    const Kind next = char_at(text, second).kind;
    if (next == Kind::kLetter) {
      return skip_letters(text, second);
    }
    if (text[begin] == ' ' && next == Kind::kOther) {
      return symbols_end(text, second);
    }
  }
  return first.kind == Kind::kOther ? symbols_end(text, second) : white_space_end(text, begin);
}

}  // namespace monocle
