// SPDX-License-Identifier: Apache-2.0
#include "base/thread_priority.h"

#include <sys/resource.h>

#include <algorithm>

namespace monocle {

void lower_thread_priority(int by) {
  constexpr int kLowest = 19;
  // Linux keeps this value for each thread: 0 is the calling one, not its process.
  const int now = getpriority(PRIO_PROCESS, 0);
  setpriority(PRIO_PROCESS, 0, std::min(now + by, kLowest));
}

}  // namespace monocle
