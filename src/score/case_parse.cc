// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "score/case.h"

namespace monocle::score {
namespace {

using Json = nlohmann::json;

constexpr int kLongestSide = 100'000;
constexpr int kMostTokens = 1 << 16;

// One object of the file, with its place for messages.
struct Object {
  const Json& json;
  const std::string& where;

  [[nodiscard]] const Json* find(const char* name) const {
    const auto member = json.is_object() ? json.find(name) : json.end();
    return member == json.end() ? nullptr : &*member;
  }
  template <class... Args>
  [[nodiscard]] tl::unexpected<Error> wrong(const char* name, const char* what) const {
    return fail(ErrorCode::kInvalidArgument, "{}: {} is not {}", where, name, what);
  }
  [[nodiscard]] Result<std::string> string(const char* name) const {
    const Json* member = find(name);
    if (member == nullptr || !member->is_string()) {
      return wrong(name, "a string");
    }
    return member->get<std::string>();
  }
  // "" when the member is absent.
  [[nodiscard]] Result<std::string> optional_string(const char* name) const {
    return find(name) == nullptr ? Result<std::string>("") : string(name);
  }
  [[nodiscard]] Result<int> integer(const char* name, int most) const {
    const Json* member = find(name);
    if (member == nullptr || !member->is_number_integer() || *member < 1 || *member > most) {
      return fail(ErrorCode::kInvalidArgument, "{}: {} is not an integer from 1 to {}", where, name,
                  most);
    }
    return member->get<int>();
  }
  [[nodiscard]] Result<double> number(const char* name) const {
    const Json* member = find(name);
    if (member == nullptr || !member->is_number()) {
      return wrong(name, "a number");
    }
    return member->get<double>();
  }
  // An empty list when the member is absent.
  [[nodiscard]] Result<std::vector<Json>> list(const char* name) const {
    const Json* member = find(name);
    if (member == nullptr) {
      return std::vector<Json>();
    }
    if (!member->is_array()) {
      return wrong(name, "a list");
    }
    return std::vector<Json>(member->begin(), member->end());
  }
  [[nodiscard]] Result<std::vector<std::string>> strings(const char* name) const {
    MONOCLE_ASSIGN(const std::vector<Json> items, list(name));
    std::vector<std::string> found;
    for (const Json& item : items) {
      if (!item.is_string()) {
        return wrong(name, "a list of strings");
      }
      found.push_back(item.get<std::string>());
    }
    return found;
  }
  [[nodiscard]] Result<std::vector<double>> numbers(const char* name) const {
    MONOCLE_ASSIGN(const std::vector<Json> items, list(name));
    std::vector<double> found;
    for (const Json& item : items) {
      if (!item.is_number()) {
        return wrong(name, "a list of numbers");
      }
      found.push_back(item.get<double>());
    }
    return found;
  }
};

Result<GoldAction> parse_action(const Object& object) {
  GoldAction gold;
  MONOCLE_ASSIGN(gold.action.op, object.string("op"));
  MONOCLE_ASSIGN(gold.action.id, object.optional_string("id"));
  MONOCLE_ASSIGN(gold.action.label, object.optional_string("label"));
  MONOCLE_ASSIGN(gold.action.text, object.optional_string("text"));
  MONOCLE_ASSIGN(gold.action.direction, object.optional_string("direction"));
  MONOCLE_ASSIGN(const std::vector<double> box, object.numbers("box"));
  if (box.size() == 4) {
    gold.box = {box[0], box[1], box[2], box[3]};
  } else if (!box.empty() || gold.action.op != "scroll") {
    return object.wrong("box", "a list of left, top, right, bottom");
  }
  return gold;
}

Result<GoldField> parse_field(const Object& object) {
  GoldField field;
  MONOCLE_ASSIGN(field.name, object.string("name"));
  MONOCLE_ASSIGN(const std::string kind, object.string("kind"));
  if (kind != "text" && kind != "amount" && kind != "date") {
    return object.wrong("kind", "text, amount or date");
  }
  field.kind = kind == "amount" ? GoldField::Kind::kAmount
               : kind == "date" ? GoldField::Kind::kDate
                                : GoldField::Kind::kText;
  if (const Json* value = object.find("value"); value == nullptr || !value->is_null()) {
    MONOCLE_ASSIGN(field.value, object.string("value"));
  }
  return field;
}

Result<task::TimedStep> parse_step(const Object& object) {
  task::TimedStep step;
  MONOCLE_ASSIGN(step.start_s, object.number("start"));
  MONOCLE_ASSIGN(step.end_s, object.number("end"));
  MONOCLE_ASSIGN(step.text, object.string("text"));
  return step;
}

template <class Value>
Status parse_list(const Object& object, const char* name, Result<Value> (*parse)(const Object&),
                  std::vector<Value>& out) {
  MONOCLE_ASSIGN(const std::vector<Json> items, object.list(name));
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string where = fmt::format("{}.{}[{}]", object.where, name, i);
    MONOCLE_ASSIGN(out.emplace_back(), parse({items[i], where}));
  }
  return {};
}

Status parse_pictures(const Object& object, Case& one) {
  MONOCLE_ASSIGN(one.images, object.strings("images"));
  MONOCLE_ASSIGN(one.times_s, object.numbers("times"));
  if (one.images.empty()) {
    return object.wrong("images", "a list of paths");
  }
  for (const std::string& path : one.images) {
    if (path.empty() || path.front() == '/' || path.find("..") != std::string::npos) {
      return fail(ErrorCode::kInvalidArgument, "{}: '{}' is not a path below the set's folder",
                  object.where, path);
    }
  }
  if (!one.times_s.empty() && one.times_s.size() != one.images.size()) {
    return fail(ErrorCode::kInvalidArgument, "{}: {} times for {} images", object.where,
                one.times_s.size(), one.images.size());
  }
  MONOCLE_ASSIGN(one.width, object.integer("width", kLongestSide));
  MONOCLE_ASSIGN(one.height, object.integer("height", kLongestSide));
  return {};
}

// Without these the task's rule would call every answer right or wrong.
const char* missing(const Case& one) {
  switch (one.task) {
    case Task::kGui:
      return one.actions.empty() ? "actions" : nullptr;
    case Task::kContract:
      return one.fields.empty() ? "fields" : nullptr;
    case Task::kVideo:
      return one.steps.empty() ? "steps" : nullptr;
    default:
      return one.answers.empty() ? "answers" : nullptr;
  }
}

Result<Case> parse_case(const Object& object) {
  Case one;
  MONOCLE_ASSIGN(one.id, object.string("id"));
  MONOCLE_ASSIGN(one.split, object.string("split"));
  MONOCLE_ASSIGN(const std::string task, object.string("task"));
  const auto known =
      std::ranges::find_if(kTasks, [&](Task candidate) { return task == task_name(candidate); });
  if (known == kTasks.end()) {
    return fail(ErrorCode::kInvalidArgument, "{}: there is no task '{}'", object.where, task);
  }
  one.task = *known;
  MONOCLE_ASSIGN(one.kind, object.string("kind"));
  MONOCLE_ASSIGN(one.question, object.string("question"));
  MONOCLE_ASSIGN(one.answers, object.strings("answers"));
  MONOCLE_TRY(parse_pictures(object, one));
  MONOCLE_ASSIGN(one.max_tokens, object.integer("max_tokens", kMostTokens));
  MONOCLE_TRY(parse_list(object, "actions", parse_action, one.actions));
  MONOCLE_TRY(parse_list(object, "fields", parse_field, one.fields));
  MONOCLE_TRY(parse_list(object, "steps", parse_step, one.steps));
  if (const char* name = missing(one)) {
    return object.wrong(name, "a list with entries");
  }
  return one;
}

}  // namespace

const char* task_name(Task task) {
  constexpr std::array kNames{"vqa", "gui", "contract", "video", "html", "drawio", "reading"};
  static_assert(kNames.size() == kTasks.size());
  return kNames[static_cast<std::size_t>(task)];
}

Result<CaseSet> parse_cases(std::string_view json) {
  const Json all = Json::parse(json, nullptr, false);
  const std::string where = "the set";
  const Object object{all, where};
  if (!all.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "it is no JSON object");
  }
  CaseSet set;
  MONOCLE_ASSIGN(set.name, object.string("name"));
  MONOCLE_ASSIGN(set.note, object.string("note"));
  MONOCLE_TRY(parse_list(object, "cases", parse_case, set.cases));
  if (set.cases.empty()) {
    return object.wrong("cases", "a list with entries");
  }
  std::set<std::string> ids;
  for (const Case& one : set.cases) {
    if (!ids.insert(one.id).second) {
      return fail(ErrorCode::kInvalidArgument, "the id '{}' is there twice", one.id);
    }
  }
  return set;
}

}  // namespace monocle::score
