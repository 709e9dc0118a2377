// SPDX-License-Identifier: Apache-2.0
#include "text/fold.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace monocle {

std::string to_nfkc(std::string_view text) {
  std::string valid;
  utf8::append_replaced(valid, text);
  utf8proc_uint8_t* mapped = nullptr;
  constexpr auto kOptions = static_cast<utf8proc_option_t>(
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);  // NOLINT: flags of a C enum
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                   static_cast<utf8proc_ssize_t>(valid.size()), &mapped, kOptions);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length < 0) {
    return valid;
  }
  return {reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length)};
}

std::string to_lower(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t c : to_code_points(text)) {
    utf8::append(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
  return out;
}

std::u32string to_code_points(std::string_view text) {
  std::u32string points;
  points.reserve(text.size());
  for (std::size_t pos = 0; pos < text.size();) {
    const utf8::Step step = utf8::decode(text, pos);
    points.push_back(step.code_point);
    pos += step.length;
  }
  return points;
}

std::string without_space(std::string_view text) {
  std::string out;
  for (const char32_t c : to_code_points(text)) {
    if (!unicode::kSpace.contains(c)) {
      utf8::append(out, c);
    }
  }
  return out;
}

std::string collapse_space(std::string_view text) {
  std::string out;
  bool pending = false;
  for (const char32_t c : to_code_points(text)) {
    if (unicode::kSpace.contains(c)) {
      pending = !out.empty();
      continue;
    }
    if (pending) {
      out += ' ';
      pending = false;
    }
    utf8::append(out, c);
  }
  return out;
}

}  // namespace monocle
