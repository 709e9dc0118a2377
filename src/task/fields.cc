// SPDX-License-Identifier: Apache-2.0
#include "task/fields.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "task/json_answer.h"
#include "task/numerals.h"
#include "text/fold.h"

namespace monocle::task {
namespace {

constexpr double kMostYuan = 1e13;
constexpr std::u32string_view kMoneyMarks = U"¥￥元圆整正,，:：()（）大写小写人民币RMBCNY";

bool is_figure(char32_t c) { return c >= U'0' && c <= U'9'; }

// The longest stretch of `text` made of `part`.
template <class Part>
std::u32string_view longest_run(std::u32string_view text, Part part) {
  std::u32string_view best;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && part(text[end])) {
      ++end;
    }
    if (end - begin > best.size()) {
      best = text.substr(begin, end - begin);
    }
    begin = end + 1;
  }
  return best;
}

// "708,000.00" with 万 or 亿 behind it. Nothing when there are no digits or they are no number.
std::optional<std::int64_t> cents_of_digits(std::u32string_view text) {
  const std::u32string_view run =
      longest_run(text, [](char32_t c) { return is_figure(c) || c == U'.' || c == U','; });
  std::string digits;
  int dots = 0;
  for (const char32_t c : run) {
    dots += c == U'.';
    if (c != U',') {
      digits += static_cast<char>(c);
    }
  }
  if (digits.find_first_of("0123456789") == std::string::npos || dots > 1 || digits.size() > 20) {
    return std::nullopt;
  }
  const std::size_t behind = static_cast<std::size_t>(run.data() - text.data()) + run.size();
  const char32_t unit = behind < text.size() ? text[behind] : U' ';
  const double yuan = std::stod(digits) * (unit == U'万' ? 1e4 : unit == U'亿' ? 1e8 : 1.0);
  if (yuan > kMostYuan) {
    return std::nullopt;
  }
  return std::llround(yuan * 100);
}

bool is_numeral_part(char32_t c) {
  return numeral_digit(c) >= 0 ||
         std::u32string_view(U"十拾百佰千仟万萬亿億元圆角分").find(c) != std::u32string_view::npos;
}

// 壹拾贰元叁角肆分.
std::optional<std::int64_t> cents_of_numerals(std::u32string_view text) {
  std::u32string_view run = longest_run(text, is_numeral_part);
  const std::size_t yuan_end = run.find_first_of(U"元圆");
  const std::u32string_view whole = run.substr(0, std::min(yuan_end, run.size()));
  const auto yuan = numeral_value(whole);
  if (!yuan || *yuan > static_cast<std::int64_t>(kMostYuan)) {
    return std::nullopt;
  }
  std::int64_t cents = *yuan * 100;
  run.remove_prefix(yuan_end == std::u32string_view::npos ? run.size() : yuan_end + 1);
  for (std::size_t i = 0; i + 1 < run.size(); ++i) {
    const int digit = numeral_digit(run[i]);
    if (digit >= 0 && (run[i + 1] == U'角' || run[i + 1] == U'分')) {
      cents += digit * (run[i + 1] == U'角' ? 10 : 1);
    }
  }
  return cents;
}

// Nothing but an amount: digits, numerals and the words around them.
bool only_money(std::u32string_view text) {
  for (const char32_t c : text) {
    if (!is_figure(c) && c != U'.' && !is_numeral_part(c) &&
        kMoneyMarks.find(c) == std::u32string_view::npos) {
      return false;
    }
  }
  return true;
}

std::optional<std::string> checked_date(std::int64_t year, std::int64_t month, std::int64_t day) {
  constexpr std::array<int, 12> kDays{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (year < 1000 || year > 9999 || month < 1 || month > 12 || day < 1 ||
      day > kDays[static_cast<std::size_t>(month - 1)] || (month == 2 && day == 29 && !leap)) {
    return std::nullopt;
  }
  return fmt::format("{:04}-{:02}-{:02}", year, month, day);
}

std::optional<std::int64_t> date_part(std::u32string_view part) {
  if (part.empty() || part.size() > 8) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (const char32_t c : part) {
    if (!is_figure(c)) {
      return numeral_value(part);
    }
    value = value * 10 + static_cast<std::int64_t>(c - U'0');
  }
  return value;
}

}  // namespace

std::optional<Fields> parse_fields(std::string_view answer) {
  const auto value = json_in(answer);
  if (!value || !value->is_object()) {
    return std::nullopt;
  }
  Fields fields;
  for (const auto& [name, member] : value->items()) {
    if (member.is_null()) {
      fields[name] = std::nullopt;
    } else {
      fields[name] = member.is_string()
                         ? member.get<std::string>()
                         : member.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
  }
  return fields;
}

std::optional<std::int64_t> amount_cents(std::string_view text) {
  const std::u32string points = to_code_points(without_space(to_nfkc(text)));
  if (!only_money(points)) {
    return std::nullopt;
  }
  const auto digits = cents_of_digits(points);
  const bool has_numerals =
      longest_run(points, [](char32_t c) { return numeral_digit(c) >= 0; }).size() > 0;
  if (!has_numerals) {
    return digits;
  }
  const auto numerals = cents_of_numerals(points);
  return digits && numerals != digits ? std::nullopt : numerals;
}

std::optional<std::string> iso_date(std::string_view text) {
  const std::u32string points = to_code_points(without_space(to_nfkc(text)));
  if (points.size() == 8 && longest_run(points, is_figure).size() == 8) {
    const std::u32string_view all(points);
    return checked_date(*date_part(all.substr(0, 4)), *date_part(all.substr(4, 2)),
                        *date_part(all.substr(6, 2)));
  }
  constexpr std::u32string_view kMarks = U"年月日号-/.";
  std::array<std::int64_t, 3> parts{};
  std::size_t count = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= points.size(); ++i) {
    if (i < points.size() && kMarks.find(points[i]) == std::u32string_view::npos) {
      continue;
    }
    const auto part = date_part(std::u32string_view(points).substr(begin, i - begin));
    begin = i + 1;
    if (!part && i == points.size() && count == 3) {
      break;  // 日 closed the date
    }
    if (!part || count == 3) {
      return std::nullopt;
    }
    parts[count++] = *part;
  }
  return count == 3 ? checked_date(parts[0], parts[1], parts[2]) : std::nullopt;
}

}  // namespace monocle::task
