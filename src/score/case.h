// SPDX-License-Identifier: Apache-2.0
// Questions with what is known about their right answers. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "task/actions.h"
#include "task/steps.h"

namespace monocle::score {

enum class Task : std::uint8_t { kVqa, kGui, kContract, kVideo, kHtml, kDrawio, kReading };
inline constexpr std::array kTasks{Task::kVqa,  Task::kGui,    Task::kContract, Task::kVideo,
                                   Task::kHtml, Task::kDrawio, Task::kReading};

const char* task_name(Task task);  // "vqa", "gui", …

struct GoldAction {
  task::Action action;
  std::optional<std::array<double, 4>> box;  // of the component: left, top, right, bottom in pixels
};

struct GoldField {
  enum class Kind : std::uint8_t { kText, kAmount, kDate };
  std::string name;
  Kind kind = Kind::kText;
  std::optional<std::string> value;  // nothing: the document has none, and the answer must say null
};

struct Case {
  std::string id;     // unique in its set
  std::string split;  // T0 to T3, L3, T5: how far from what the model was trained on
  Task task = Task::kVqa;
  std::string kind;  // of question, the task's own division: "lookup", "click", …
  std::string question;
  std::vector<std::string> answers;  // right ones; the first is in the form the model was taught
  std::vector<std::string> images;   // paths below the set's folder, in prompt order
  std::vector<double> times_s;       // frames of a clip: when each was taken; empty = pictures
  int width = 0;                     // of the first picture, pixels
  int height = 0;
  int max_tokens = 512;
  std::vector<GoldAction> actions;     // gui
  std::vector<GoldField> fields;       // contract
  std::vector<task::TimedStep> steps;  // video
};

struct CaseSet {
  std::string name;
  std::string note;  // where the pictures are from, and under which licence
  std::vector<Case> cases;
};

// The text of a cases.json (tools/quality/README.md has the form). An error names the case and
// field.
Result<CaseSet> parse_cases(std::string_view json);

}  // namespace monocle::score
