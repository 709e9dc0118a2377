// SPDX-License-Identifier: Apache-2.0
// A path of actions on a screen, as models write it:
//   [{"op":"type","label":"手机号","text":"138","point":[500,350]},{"op":"click","point":[500,640]}]
// Points are in thousandths of the picture, Qwen3-VL's convention. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace monocle::task {

struct Point {
  double x = 0;  // thousandths
  double y = 0;
};

struct Action {
  std::string op;  // "click", "type", "scroll", "long_press", or as the model wrote it
  std::string id;  // of a component, when the model was given a table of them
  std::string label;
  std::string text;       // what is typed
  std::string direction;  // of a scroll
  std::optional<Point> point;
};

// Also reads one object without brackets, "action"/"type" for the operation, "tap" and "input" for
// click and type, "point_2d" and "coordinate" for the point, and the middle of a "bbox_2d" or
// "box". Nothing when the answer is no list of objects.
std::optional<std::vector<Action>> parse_actions(std::string_view answer);

}  // namespace monocle::task
