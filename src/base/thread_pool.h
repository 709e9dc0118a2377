// SPDX-License-Identifier: Apache-2.0
// A fixed set of workers for fork-join loops inside one inference step. One owner thread calls
// run() and parallel_for(); it takes part as worker 0. Between calls the workers spin briefly (a
// decode step forks about 200 times, a few microseconds apart) and then sleep, so an idle engine
// costs no CPU. A loop never waits for a worker that has not begun: on a busy machine one that the
// system has put aside for a moment would hold up every loop of a step.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace monocle {

class ThreadPool {
 public:
  // threads >= 1, the calling thread included. pin: bind worker i to the i-th CPU this process may
  // use.
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(worker) once on each worker 0..size()-1 and returns when all are done. Not
  // reentrant.
  void run(FunctionRef<void(int worker)> task);

  // Splits [0, count) into blocks of `grain` that workers claim one by one; body(begin, end,
  // worker). Which worker runs a block, and whether one takes part at all, is not deterministic:
  // bodies must not let results depend on it.
  void parallel_for(std::int64_t count, std::int64_t grain,
                    FunctionRef<void(std::int64_t begin, std::int64_t end, int worker)> body);

 private:
  void worker_loop(int worker);
  bool join(std::uint64_t& seen);
  void open(const FunctionRef<void(int)>& task);
  void close();

  std::vector<std::thread> workers_;
  const FunctionRef<void(int)>* task_ = nullptr;  // read only by workers that have joined
  // Number of the task, whether it may be joined, and how many workers are at it.
  alignas(64) std::atomic<std::uint64_t> state_{0};
  alignas(64) std::atomic<int> done_{0};  // workers that have finished the task
  std::atomic<bool> stop_{false};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

// CPUs this process may really use: affinity mask and cgroup quota, at least 1.
int usable_cpus();

}  // namespace monocle
