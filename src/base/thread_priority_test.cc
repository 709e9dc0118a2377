// SPDX-License-Identifier: Apache-2.0
#include "base/thread_priority.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace monocle {
namespace {

TEST(ThreadPriority, LowersTheCallingThreadAlone) {
  const int before = getpriority(PRIO_PROCESS, 0);
  int there = before;
  std::thread([&] {
    lower_thread_priority(3);
    there = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(there, std::min(before + 3, 19));
  EXPECT_EQ(getpriority(PRIO_PROCESS, 0), before);
}

TEST(ThreadPriority, EndsAtTheLowest) {
  int there = 0;
  std::thread([&] {
    lower_thread_priority(15);
    lower_thread_priority(15);
    there = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(there, 19);
}

}  // namespace
}  // namespace monocle
