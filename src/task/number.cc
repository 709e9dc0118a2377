// SPDX-License-Identifier: Apache-2.0
#include "task/number.h"

#include <string>

#include "text/fold.h"

namespace monocle::task {

std::optional<Figure> final_figure(std::string_view text) {
  std::string plain = to_nfkc(text);
  if (const std::size_t equals = plain.rfind('='); equals != std::string::npos) {
    plain.erase(0, equals + 1);
  }
  std::size_t begin = 0;
  while (begin < plain.size() && !is_digit(plain[begin])) {
    ++begin;
  }
  Figure figure;
  std::string digits;
  std::size_t end = begin;
  for (; end < plain.size() && digits.size() < 18; ++end) {
    const bool group = plain[end] == ',' && end + 3 < plain.size() && is_digit(plain[end + 1]) &&
                       is_digit(plain[end + 2]) && is_digit(plain[end + 3]);
    const bool dot = plain[end] == '.' && digits.find('.') == std::string::npos &&
                     end + 1 < plain.size() && is_digit(plain[end + 1]);
    if (!is_digit(plain[end]) && !group && !dot) {
      break;
    }
    if (!group) {
      digits += plain[end];
    }
  }
  if (digits.empty()) {
    return std::nullopt;
  }
  figure.whole = digits.find('.') == std::string::npos;
  figure.value = std::stod(digits);
  // "-" and the typographic minus; a hyphen inside a word or a range is no sign.
  constexpr std::string_view kMinus = "\u2212";
  const std::string_view before = std::string_view(plain).substr(0, begin);
  const bool minus = before.ends_with('-') || before.ends_with(kMinus);
  const std::size_t sign = before.ends_with('-') ? 1 : kMinus.size();
  if (minus && (before.size() == sign || before[before.size() - sign - 1] == ' ')) {
    figure.value = -figure.value;
  }
  while (end < plain.size() && plain[end] == ' ') {
    ++end;
  }
  figure.percent = end < plain.size() && plain[end] == '%';
  return figure;
}

}  // namespace monocle::task
