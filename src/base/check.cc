// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace monocle {

void check_failed(const char* condition, const char* file, int line) {
  // The one place below apps/ that writes to stderr: the process is about to die and nothing else
  // can tell why.
  std::fprintf(stderr, "monocle: broken invariant %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace monocle
