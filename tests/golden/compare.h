// SPDX-License-Identifier: Apache-2.0
// Two traces key by key: what the reference wrote against what we wrote.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace monocle::golden {

struct Difference {
  std::string key;
  bool integers = false;
  double max_abs = 0;    // largest difference where the attention mask is 1
  double rms = 0;        // of the difference
  double deviation = 0;  // standard deviation of the reference
};

// Every tensor of `expected` must be in `actual` with the same shape; cells under a zero attention
// mask are skipped.
Result<std::vector<Difference>> compare_traces(const std::string& actual,
                                               const std::string& expected);

}  // namespace monocle::golden
