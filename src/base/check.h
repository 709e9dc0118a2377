// SPDX-License-Identifier: Apache-2.0
// MONOCLE_CHECK states an invariant of our own code. It aborts with file and line, so it must never
// be reachable from user input: input is refused with a Result before it gets that far.
#pragma once

namespace monocle {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define MONOCLE_CHECK(condition)                               \
  do {                                                         \
    if (!(condition)) [[unlikely]] {                           \
      ::monocle::check_failed(#condition, __FILE__, __LINE__); \
    }                                                          \
  } while (false)
