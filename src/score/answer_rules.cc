// SPDX-License-Identifier: Apache-2.0
#include "score/answer_rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "score/edit.h"
#include "text/fold.h"

namespace monocle::score {
namespace {

constexpr double kThreshold = 0.5;
constexpr double kRelative = 0.05;

std::string folded(std::string_view text) { return to_lower(collapse_space(text)); }

// All of the text as one decimal number, as Python's float() takes it.
std::optional<double> plain_number(std::string_view text) {
  const std::string trimmed = collapse_space(text);
  std::string_view digits = trimmed;
  const bool percent = digits.ends_with('%');
  if (percent) {
    digits.remove_suffix(1);
  }
  if (digits.starts_with('+')) {
    digits.remove_prefix(1);
  }
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) {
    return std::nullopt;
  }
  return percent ? value / 100 : value;
}

std::string comparable(std::string_view text) {
  std::string plain = without_space(to_lower(to_nfkc(text)));
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view mark : {".", "。", "!", ","}) {
      if (plain.size() > mark.size() && plain.ends_with(mark)) {
        plain.resize(plain.size() - mark.size());
        again = true;
      }
    }
  }
  return plain;
}

}  // namespace

double anls(std::span<const std::string> gold, std::string_view answer) {
  const std::u32string found = to_code_points(folded(answer));
  const std::size_t raw = to_code_points(answer).size();
  double best = 0;
  for (const std::string& one : gold) {
    const std::size_t longest = std::max(raw, to_code_points(one).size());
    const double distance =
        longest == 0 ? 0.0
                     : static_cast<double>(edit_distance(to_code_points(folded(one)), found)) /
                           static_cast<double>(longest);
    best = std::max(best, 1 - distance);
  }
  return best >= kThreshold ? best : 0.0;
}

bool relaxed_correct(std::string_view gold, std::string_view answer) {
  const auto wanted = plain_number(gold);
  const auto found = plain_number(answer);
  if (wanted && *wanted != 0 && found) {
    return std::abs(*found - *wanted) / std::abs(*wanted) <= kRelative;
  }
  return to_lower(gold) == to_lower(answer);
}

bool same_text(std::string_view gold, std::string_view answer) {
  return comparable(gold) == comparable(answer);
}

}  // namespace monocle::score
