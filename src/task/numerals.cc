// SPDX-License-Identifier: Apache-2.0
#include "task/numerals.h"

#include <algorithm>
#include <array>

namespace monocle::task {
namespace {

constexpr std::u32string_view kOrdinary = U"〇一二三四五六七八九";
constexpr std::u32string_view kCapital = U"零壹贰叁肆伍陆柒捌玖";
constexpr std::u32string_view kOther = U"○弌两叄";  // of 0 to 3, as people also write them
constexpr std::int64_t kMost = 1'000'000'000'000'000;

// 10, 100, 1000 for 十拾百佰千仟, else 0.
std::int64_t small_place(char32_t c) {
  switch (c) {
    case U'十':
    case U'拾':
      return 10;
    case U'百':
    case U'佰':
      return 100;
    case U'千':
    case U'仟':
      return 1000;
    default:
      return 0;
  }
}

std::int64_t large_place(char32_t c) {
  return c == U'万' || c == U'萬' ? 10'000 : c == U'亿' || c == U'億' ? 100'000'000 : 0;
}

std::optional<std::int64_t> digit_by_digit(std::u32string_view text) {
  std::int64_t value = 0;
  for (const char32_t c : text) {
    const int digit = numeral_digit(c);
    if (digit < 0 || value > kMost / 10) {
      return std::nullopt;
    }
    value = value * 10 + digit;
  }
  return value;
}

}  // namespace

int numeral_digit(char32_t c) {
  for (const std::u32string_view digits : {kOrdinary, kCapital, kOther}) {
    if (const std::size_t place = digits.find(c); place != std::u32string_view::npos) {
      return static_cast<int>(place);
    }
  }
  return -1;
}

std::optional<std::int64_t> numeral_value(std::u32string_view text) {
  const bool places = std::ranges::any_of(
      text, [](char32_t c) { return small_place(c) > 0 || large_place(c) > 0; });
  if (text.empty()) {
    return std::nullopt;
  }
  if (!places) {
    return digit_by_digit(text);
  }
  std::int64_t total = 0;    // of closed groups of ten thousand
  std::int64_t section = 0;  // of the open group
  int digit = -1;            // read, and its place not yet
  for (const char32_t c : text) {
    if (const int read = numeral_digit(c); read >= 0) {
      if (digit > 0) {
        return std::nullopt;
      }
      digit = read;
    } else if (const std::int64_t place = small_place(c); place > 0) {
      section += (digit < 0 ? 1 : digit) * place;  // 十二 is 12
      digit = -1;
    } else if (const std::int64_t group = large_place(c); group > 0) {
      section += std::max(digit, 0);
      digit = -1;
      if (total + section > kMost / group) {
        return std::nullopt;
      }
      total = group == 10'000 ? total + section * group : (total + section) * group;
      section = 0;
    } else {
      return std::nullopt;
    }
  }
  return total + section + std::max(digit, 0);
}

}  // namespace monocle::task
