// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace monocle {
namespace {

TEST(ThreadPool, EveryWorkerRunsOncePerCall) {
  ThreadPool pool(3);
  std::vector<int> calls(3);
  for (int round = 0; round < 2000; ++round) {
    pool.run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
  }
  EXPECT_EQ(calls, (std::vector<int>{2000, 2000, 2000}));
}

TEST(ThreadPool, ParallelForCoversEachIndexOnce) {
  ThreadPool pool(4);
  for (const std::int64_t count : {0, 1, 2, 63, 64, 65, 1000}) {
    for (const std::int64_t grain : {1, 3, 64, 5000}) {
      std::vector<int> hits(static_cast<std::size_t>(count));
      pool.parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end, int) {
        for (std::int64_t i = begin; i < end; ++i) {
          ++hits[static_cast<std::size_t>(i)];
        }
      });
      EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), std::int64_t{0}), count);
      for (const int hit : hits) {
        ASSERT_EQ(hit, 1);
      }
    }
  }
}

// With more workers than CPUs most of them come too late for most loops, which then end without
// them.
TEST(ThreadPool, LoopsEndWithoutWorkersThatComeLate) {
  ThreadPool pool(16);
  std::int64_t sum = 0;
  for (std::int64_t round = 0; round < 3000; ++round) {
    std::atomic<std::int64_t> part = 0;
    pool.parallel_for(8, 1, [&](std::int64_t begin, std::int64_t, int) { part += begin + round; });
    sum += part;
  }
  EXPECT_EQ(sum, 3000 * 28 + 8 * (2999 * 3000 / 2));
  std::vector<int> calls(16);
  pool.run([&](int worker) { ++calls[static_cast<std::size_t>(worker)]; });
  EXPECT_EQ(calls, std::vector<int>(16, 1));
}

TEST(ThreadPool, WakesWorkersThatWentToSleep) {
  ThreadPool pool(2);
  std::atomic<int> calls = 0;
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    pool.run([&](int worker) { calls += worker; });
  }
  EXPECT_EQ(calls, 5);
}

TEST(ThreadPool, UsableCpusIsPositive) { EXPECT_GE(usable_cpus(), 1); }

}  // namespace
}  // namespace monocle
