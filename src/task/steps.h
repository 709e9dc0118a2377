// SPDX-License-Identifier: Apache-2.0
// The steps of a tutorial clip: lines of "00:04-00:33 拖动文件". Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace monocle::task {

struct TimedStep {
  double start_s = 0;
  double end_s = 0;
  std::string text;
};

// One step per line that begins with two times, in order; other lines are skipped. Times are
// [hh:]mm:ss[.f] or seconds ("3.0 s", "<3.0 seconds>"), joined by -, –, ~, 至 or "to"; a list
// number or a bullet may stand in front.
std::vector<TimedStep> parse_steps(std::string_view answer);

}  // namespace monocle::task
