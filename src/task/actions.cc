// SPDX-License-Identifier: Apache-2.0
#include "task/actions.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "task/json_answer.h"

namespace monocle::task {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSameOperation{
    {{"tap", "click"},
     {"left_click", "click"},
     {"press", "click"},
     {"input", "type"},
     {"input_text", "type"},
     {"swipe", "scroll"},
     {"long_tap", "long_press"}}};

// The first of the members that is a string or a number, as text.
std::string text_of(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto member = object.find(name);
    if (member == object.end()) {
      continue;
    }
    if (member->is_string()) {
      return member->get<std::string>();
    }
    if (member->is_number()) {
      return member->dump();
    }
  }
  return {};
}

std::optional<std::vector<double>> numbers(const Json& object, const char* name,
                                           std::size_t count) {
  const auto member = object.find(name);
  if (member == object.end() || !member->is_array() || member->size() != count) {
    return std::nullopt;
  }
  std::vector<double> values;
  for (const Json& item : *member) {
    if (!item.is_number()) {
      return std::nullopt;
    }
    values.push_back(item.get<double>());
  }
  return values;
}

std::optional<Point> point_of(const Json& object) {
  for (const char* name : {"point", "point_2d", "coordinate", "position"}) {
    if (const auto point = numbers(object, name, 2)) {
      return Point{(*point)[0], (*point)[1]};
    }
  }
  for (const char* name : {"bbox_2d", "bbox", "box"}) {
    if (const auto box = numbers(object, name, 4)) {
      return Point{((*box)[0] + (*box)[2]) / 2, ((*box)[1] + (*box)[3]) / 2};
    }
  }
  return std::nullopt;
}

Action action_of(const Json& object) {
  Action action;
  action.op = text_of(object, {"op", "action", "type"});
  for (const auto& [other, name] : kSameOperation) {
    if (action.op == other) {
      action.op = name;
    }
  }
  action.id = text_of(object, {"id", "component", "element"});
  action.label = text_of(object, {"label", "target"});
  action.text = text_of(object, {"text", "value", "content"});
  action.direction = text_of(object, {"direction"});
  action.point = point_of(object);
  return action;
}

}  // namespace

std::optional<std::vector<Action>> parse_actions(std::string_view answer) {
  std::optional<Json> value = json_in(answer);
  if (value && value->is_object()) {
    value = Json::array({std::move(*value)});
  }
  if (!value || !value->is_array() ||
      !std::ranges::all_of(*value, [](const Json& item) { return item.is_object(); })) {
    return std::nullopt;
  }
  std::vector<Action> actions;
  for (const Json& item : *value) {
    actions.push_back(action_of(item));
  }
  return actions;
}

}  // namespace monocle::task
