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

// Parts of ThreadPool::state_.
constexpr std::uint64_t kActive = 0x7fff;
constexpr std::uint64_t kOpen = 0x8000;
constexpr std::uint64_t kNextTask = 0x10000;

inline void cpu_pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// More workers than CPUs: after a while, let them run.
inline void wait_a_little(int& spins) {
  if (++spins < kSpinRounds) {
    cpu_pause();
  } else {
    std::this_thread::yield();
  }
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
  stop_.store(true, std::memory_order_relaxed);
  const auto nothing = [](int) {};
  const FunctionRef<void(int)> task = nothing;
  open(task);
  for (auto& worker : workers_) {
    worker.join();
  }
}

void ThreadPool::open(const FunctionRef<void(int)>& task) {
  task_ = &task;
  done_.store(0, std::memory_order_relaxed);
  const std::uint64_t number = state_.load(std::memory_order_relaxed) / kNextTask + 1;
  state_.store(number * kNextTask | kOpen, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) {
    // The lock orders this notify after a worker that has checked the state but not yet gone to
    // sleep.
    {
      const std::lock_guard lock(mutex_);
    }
    wake_.notify_all();
  }
}

// Nobody joins any more; returns when those who have are done.
void ThreadPool::close() {
  std::uint64_t state = state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int spins = 0; (state & kActive) != 0; state = state_.load(std::memory_order_acquire)) {
    wait_a_little(spins);
  }
}

void ThreadPool::run(FunctionRef<void(int)> task) {
  open(task);
  task(0);
  int spins = 0;
  while (done_.load(std::memory_order_acquire) != static_cast<int>(workers_.size())) {
    wait_a_little(spins);
  }
  close();
}

// Takes part in the task at hand if that is new and still open. `seen` becomes its number in any
// case: a task that closed before this worker saw it is none to wait for.
bool ThreadPool::join(std::uint64_t& seen) {
  std::uint64_t state = state_.load(std::memory_order_seq_cst);
  while (state / kNextTask != seen) {
    const bool open = (state & kOpen) != 0;
    if (!open || state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
      seen = state / kNextTask;
      return open;
    }
  }
  return false;
}

void ThreadPool::worker_loop(int worker) {
  std::uint64_t seen = 0;
  int spins = 0;
  while (!stop_.load(std::memory_order_relaxed)) {
    const std::uint64_t before = seen;
    if (join(seen)) {
      (*task_)(worker);
      done_.fetch_add(1, std::memory_order_release);
      state_.fetch_sub(1, std::memory_order_release);
    }
    spins = seen == before ? spins + 1 : 0;
    if (spins < kSpinRounds) {
      cpu_pause();
      continue;
    }
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, [&] { return state_.load(std::memory_order_seq_cst) / kNextTask != seen; });
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    spins = 0;
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
  const auto claim = [&](int worker) {
    for (;;) {
      const std::int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
      if (begin >= count) {
        return;
      }
      body(begin, std::min(begin + grain, count), worker);
    }
  };
  const FunctionRef<void(int)> task = claim;
  open(task);
  claim(0);
  close();
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
