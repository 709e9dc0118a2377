// SPDX-License-Identifier: Apache-2.0
#include "api/text_input.h"

#include <fmt/format.h>

#include <string>

namespace monocle::api {
namespace {

TextInput token_input(const Json::Array& ids, const std::string& path, const ParseLimits& limits,
                      Problem& problem) {
  const std::int64_t last = limits.vocab_size > 0 ? limits.vocab_size - 1 : kMaxInt32;
  TextInput input;
  input.token_ids.reserve(ids.size());
  for (std::size_t i = 0; i < ids.size() && !problem.any(); ++i) {
    const auto* id = std::get_if<std::int64_t>(&ids[i].value);
    // The path is made only for the one that is wrong: there may be a million.
    const bool good = id != nullptr && *id >= 0 && *id <= last;
    const auto value =
        good ? std::optional(*id) : integer_of(ids[i], at(path, i), 0, last, problem);
    input.token_ids.push_back(static_cast<std::int32_t>(value.value_or(0)));
  }
  return input;
}

void add_input(const Json& value, const std::string& path, const ParseLimits& limits,
               Problem& problem, std::vector<TextInput>& out) {
  if (const std::string* text = value.string()) {
    out.push_back({*text, {}});
  } else if (const Json::Array* ids = value.array()) {
    out.push_back(token_input(*ids, path, limits, problem));
  } else {
    problem.wrong_type(path, value, "a string or an array of token ids");
    return;
  }
  if (out.back().text.empty() && out.back().token_ids.empty()) {
    problem.add(path, fmt::format("{} is empty", path), "invalid_value");
  }
}

}  // namespace

void parse_text_inputs(const Fields& body, std::string_view key, std::size_t most,
                       const ParseLimits& limits, std::vector<TextInput>& out) {
  Problem& problem = body.problem();
  const std::string path = body.path(key);
  const Json* value = body.find(key);
  if (value == nullptr) {
    problem.add(path, fmt::format("{} is missing", path), "missing_required_parameter");
    return;
  }
  const Json::Array* items = value->array();
  if (items == nullptr || (!items->empty() && items->front().is_number())) {
    add_input(*value, path, limits, problem, out);
    return;
  }
  if (items->empty() || items->size() > most) {
    problem.add(path,
                fmt::format("{} has {} items, 1 to {} are possible", path, items->size(), most),
                "invalid_value");
    return;
  }
  for (std::size_t i = 0; i < items->size() && !problem.any(); ++i) {
    add_input((*items)[i], at(path, i), limits, problem, out);
  }
}

}  // namespace monocle::api
