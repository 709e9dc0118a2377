// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

#include "base/check.h"

namespace monocle {
namespace {

// Long enough to bridge the serial code between two loops of a decode step, short enough to cost
// nothing when idle.
constexpr int kSpinRounds = 4000;

inline void cpu_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void pin_to_nth_cpu(pthread_t thread, int nth) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
    return;
  }
  int seen = 0;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed) && seen++ == nth) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      pthread_setaffinity_np(thread, sizeof(one),
                             &one);  // best effort: an unpinned worker is only slower
      return;
    }
  }
}

}  // namespace

ThreadPool::ThreadPool(int threads, bool pin) {
  MONOCLE_CHECK(threads >= 1);
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  for (int i = 1; i < threads; ++i) {
    workers_.emplace_back([this, i] { worker_loop(i); });
    if (pin) {
      pin_to_nth_cpu(workers_.back().native_handle(), i);
    }
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_.store(true, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  for (auto& worker : workers_) {
    worker.join();
  }
}

void ThreadPool::run(FunctionRef<void(int)> task) {
  if (workers_.empty()) {
    task(0);
    return;
  }
  task_ = &task;
  pending_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    // The lock orders this notify after a worker that has checked the generation but not yet gone
    // to sleep.
    {
      const std::lock_guard lock(mutex_);
    }
    wake_.notify_all();
  }
  task(0);
  int spins = 0;
  while (pending_.load(std::memory_order_acquire) != 0) {
    if (++spins < kSpinRounds) {
      cpu_pause();
    } else {
      std::this_thread::yield();  // more workers than CPUs: let them run
    }
  }
}

void ThreadPool::worker_loop(int worker) {
  std::uint64_t seen = 0;
  for (;;) {
    int spins = 0;
    while (generation_.load(std::memory_order_seq_cst) == seen) {
      if (++spins < kSpinRounds) {
        cpu_pause();
        continue;
      }
      std::unique_lock lock(mutex_);
      sleepers_.fetch_add(1, std::memory_order_seq_cst);
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_seq_cst) != seen; });
      sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    }
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) {
      return;
    }
    (*task_)(worker);
    pending_.fetch_sub(1, std::memory_order_release);
  }
}

void ThreadPool::parallel_for(std::int64_t count, std::int64_t grain,
                              FunctionRef<void(std::int64_t, std::int64_t, int)> body) {
  MONOCLE_CHECK(grain >= 1);
  if (count <= 0) {
    return;
  }
  if (count <= grain || workers_.empty()) {
    body(0, count, 0);
    return;
  }
  std::atomic<std::int64_t> next{0};
  run([&](int worker) {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) {
        return;
      }
      body(begin, std::min(begin + grain, count), worker);
    }
  });
}

int usable_cpus() {
  int cpus = 1;
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    cpus = std::max(1, CPU_COUNT(&allowed));
  }
  // cgroup v2: "max 100000" or "150000 100000"; a quota of 1.5 CPUs runs one worker at full speed
  // and stalls a second.
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (quota_file >> quota >> period && quota != "max" && period > 0) {
    try {
      cpus = std::min(cpus, std::max(1, static_cast<int>(std::floor(std::stod(quota) / period))));
    } catch (...) {  // an unreadable quota is no quota
      return cpus;
    }
  }
  return cpus;
}

}  // namespace monocle
