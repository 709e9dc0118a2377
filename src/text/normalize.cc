// SPDX-License-Identifier: Apache-2.0
#include "text/normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "base/check.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace monocle {
namespace {

struct Point {
  utf8proc_int32_t code_point;
  bool inert;  // unknown to the reference: class 0, decomposes to itself, composes with nothing
  utf8proc_propval_t combining_class;
};

bool needs_check(char32_t c) {
  // Ideographs and Hangul syllables: the bulk of non-Latin text, none of it in the table.
  if (c < 0x300 || (c >= 0x3400 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3)) {
    return false;
  }
  return unicode::kNfcCheck.contains(c);
}

bool is_inert(char32_t c) {
  if (needs_check(c)) {
    return false;
  }
  if (c > 0xffff) {
    return !unicode::kNfcAstral.contains(c);
  }
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class != 0;
}

void append_decomposed(std::vector<Point>& out, char32_t c) {
  const auto signed_c = static_cast<utf8proc_int32_t>(c);
  if (is_inert(c)) {
    out.push_back({signed_c, true, 0});
    return;
  }
  std::array<utf8proc_int32_t, 8> parts{};  // the longest canonical decomposition has 4 code points
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(signed_c, parts.data(), static_cast<utf8proc_ssize_t>(parts.size()),
                              UTF8PROC_DECOMPOSE, &boundary);
  MONOCLE_CHECK(count > 0 && static_cast<std::size_t>(count) <= parts.size());
  for (const utf8proc_int32_t part : std::span(parts).first(static_cast<std::size_t>(count))) {
    out.push_back({part, false, utf8proc_get_property(part)->combining_class});
  }
}

// utf8proc's own reordering is quadratic in the length of a run of marks.
void reorder_marks(std::vector<Point>& points) {
  auto begin = points.begin();
  while (begin != points.end()) {
    if (begin->combining_class == 0) {
      ++begin;
      continue;
    }
    const auto end =
        std::find_if(begin, points.end(), [](const Point& p) { return p.combining_class == 0; });
    std::stable_sort(begin, end, [](const Point& a, const Point& b) {
      return a.combining_class < b.combining_class;
    });
    begin = end;
  }
}

void append_composed(std::string& out, std::vector<utf8proc_int32_t>& buffer) {
  if (buffer.empty()) {
    return;
  }
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): the options are flags
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
  const auto length = utf8proc_normalize_utf32(
      buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()), options);
  MONOCLE_CHECK(length > 0);
  for (const utf8proc_int32_t c : std::span(buffer).first(static_cast<std::size_t>(length))) {
    utf8::append(out, static_cast<char32_t>(c));
  }
  buffer.clear();
}

// Reused between the stretches of one text.
struct Scratch {
  std::vector<Point> points;
  std::vector<utf8proc_int32_t> buffer;
};

void append_normalized(std::string& out, std::string_view stretch, Scratch& scratch) {
  scratch.points.clear();
  for (std::size_t pos = 0; pos < stretch.size();) {
    const auto step = utf8::decode_valid(stretch.data() + pos);
    append_decomposed(scratch.points, step.code_point);
    pos += step.length;
  }
  reorder_marks(scratch.points);
  for (const Point& point : scratch.points) {
    if (point.inert) {
      append_composed(out, scratch.buffer);
      utf8::append(out, static_cast<char32_t>(point.code_point));
    } else {
      scratch.buffer.push_back(point.code_point);
    }
  }
  append_composed(out, scratch.buffer);
}

// First code point from pos on that needs a check; `boundary` gets the start of the code point
// before it.
std::size_t find_check(std::string_view text, std::size_t pos, std::size_t& boundary) {
  boundary = pos;
  while (pos < text.size()) {
    const auto step = utf8::decode_valid(text.data() + pos);
    if (needs_check(step.code_point)) {
      return pos;
    }
    boundary = pos;
    pos += step.length;
  }
  return pos;
}

}  // namespace

bool is_nfc_quick(std::string_view text) {
  std::size_t boundary = 0;
  return find_check(text, 0, boundary) == text.size();
}

std::string to_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  Scratch scratch;
  std::size_t pos = 0;
  while (pos < text.size()) {
    // A code point outside the table never changes by what stands before it, so each stretch runs
    // from the last such code point before a flagged one to the next such code point.
    std::size_t begin = pos;
    std::size_t end = find_check(text, pos, begin);
    if (end == text.size()) {
      out.append(text.substr(pos));
      break;
    }
    out.append(text.substr(pos, begin - pos));
    while (end < text.size()) {
      const auto step = utf8::decode_valid(text.data() + end);
      if (!needs_check(step.code_point)) {
        break;
      }
      end += step.length;
    }
    append_normalized(out, text.substr(begin, end - begin), scratch);
    pos = end;
  }
  return out;
}

}  // namespace monocle
