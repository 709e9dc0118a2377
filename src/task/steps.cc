// SPDX-License-Identifier: Apache-2.0
#include "task/steps.h"

#include <array>
#include <optional>

#include "task/number.h"
#include "text/fold.h"

namespace monocle::task {
namespace {

// A line that is read from its front.
struct Cursor {
  std::string_view rest;

  void skip_space() {
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) {
      rest.remove_prefix(1);
    }
  }
  bool take(std::string_view word) {
    if (!rest.starts_with(word)) {
      return false;
    }
    rest.remove_prefix(word.size());
    return true;
  }
  std::optional<double> number() {
    std::size_t size = 0;
    while (size < rest.size() && size < 12 && (is_digit(rest[size]) || rest[size] == '.')) {
      ++size;
    }
    if (size == 0 || !is_digit(rest.front())) {
      return std::nullopt;
    }
    const double value = std::stod(std::string(rest.substr(0, size)));
    rest.remove_prefix(size);
    return value;
  }
};

std::optional<double> time_of(Cursor& line) {
  line.skip_space();
  line.take("<");
  auto value = line.number();
  if (!value) {
    return std::nullopt;
  }
  while (line.rest.size() > 1 && line.rest.front() == ':' && is_digit(line.rest[1])) {
    line.take(":");
    value = *value * 60 + line.number().value_or(0);
  }
  line.skip_space();
  for (const std::string_view unit : {"seconds", "sec", "秒", "s"}) {
    if (line.take(unit)) {
      break;
    }
  }
  line.take(">");
  return value;
}

bool take_joint(Cursor& line) {
  line.skip_space();
  for (const std::string_view joint : {"-", "–", "—", "~", "至", "到", "to"}) {
    if (line.take(joint)) {
      return true;
    }
  }
  return false;
}

// "1. ", "2) ", "- ", "* ".
void skip_bullet(Cursor& line) {
  line.skip_space();
  Cursor ahead = line;
  if (ahead.take("- ") || ahead.take("* ") || ahead.take("• ")) {
    line = ahead;
    return;
  }
  std::size_t digits = 0;
  while (digits < ahead.rest.size() && is_digit(ahead.rest[digits])) {
    ++digits;
  }
  ahead.rest.remove_prefix(digits);
  if (digits > 0 && digits < 3 && (ahead.take(". ") || ahead.take(") ") || ahead.take("、"))) {
    line = ahead;
  }
}

std::optional<TimedStep> step_of(std::string_view text) {
  Cursor line{text};
  skip_bullet(line);
  line.take("[");
  line.take("(");
  const auto start = time_of(line);
  if (!start || !take_joint(line)) {
    return std::nullopt;
  }
  const auto end = time_of(line);
  if (!end) {
    return std::nullopt;
  }
  for (const std::string_view mark : {"]", ")", ":", "：", ","}) {
    line.take(mark);
  }
  return TimedStep{*start, *end, collapse_space(line.rest)};
}

}  // namespace

std::vector<TimedStep> parse_steps(std::string_view answer) {
  std::vector<TimedStep> steps;
  while (!answer.empty()) {
    const std::size_t end = std::min(answer.find('\n'), answer.size());
    if (auto step = step_of(to_nfkc(answer.substr(0, end)))) {
      steps.push_back(std::move(*step));
    }
    answer.remove_prefix(std::min(end + 1, answer.size()));
  }
  return steps;
}

}  // namespace monocle::task
