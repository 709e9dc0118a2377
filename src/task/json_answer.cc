// SPDX-License-Identifier: Apache-2.0
#include "task/json_answer.h"

#include <string>

namespace monocle::task {
namespace {

std::optional<nlohmann::json> parsed(std::string_view text) {
  bool too_deep = false;
  const auto guard = [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep |= depth > kMaxAnswerDepth;
    return !too_deep;
  };
  nlohmann::json value = nlohmann::json::parse(text, guard, false);
  if (value.is_discarded() || too_deep) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::string_view> fenced(std::string_view answer) {
  const std::size_t open = answer.find("```");
  if (open == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t begin = answer.find('\n', open);
  const std::size_t end = begin == std::string_view::npos ? begin : answer.find("```", begin);
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  return answer.substr(begin + 1, end - begin - 1);
}

std::optional<std::string_view> bracketed(std::string_view answer) {
  const std::size_t begin = answer.find_first_of("[{");
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t end = answer.rfind(answer[begin] == '[' ? ']' : '}');
  if (end == std::string_view::npos || end < begin) {
    return std::nullopt;
  }
  return answer.substr(begin, end - begin + 1);
}

}  // namespace

std::optional<nlohmann::json> json_in(std::string_view answer) {
  if (auto value = parsed(answer)) {
    return value;
  }
  if (const auto inside = fenced(answer)) {
    if (auto value = parsed(*inside)) {
      return value;
    }
  }
  if (const auto inside = bracketed(answer)) {
    return parsed(*inside);
  }
  return std::nullopt;
}

}  // namespace monocle::task
