// SPDX-License-Identifier: Apache-2.0
// The figure an answer ends in: "120-85=35万元" says 35. Pure; any thread.
#pragma once

#include <optional>
#include <string_view>

namespace monocle::task {

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Figure {
  double value = 0;      // as written: 12 of "12%"
  bool percent = false;  // a % stands behind it
  bool whole = false;    // written without a fraction
};

// The first number behind the last '=' (or of the whole text), with separators and a sign; what
// stands behind it is its unit. Nothing when there is none.
std::optional<Figure> final_figure(std::string_view text);

}  // namespace monocle::task
