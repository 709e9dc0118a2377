// SPDX-License-Identifier: Apache-2.0
// Drives the load: who asks when, and what came back.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "api_target.h"
#include "base/thread_pool.h"
#include "bench_serve.h"

namespace monocle::app {
namespace {

using Clock = std::chrono::steady_clock;

// Bodies of a level that are made before it begins; those of longer levels are made on the way.
constexpr std::size_t kPrepared = 1024;

// One level: sends, listens, keeps the records. Events come on the client's thread.
class Level {
 public:
  Level(const ApiTarget& target, const Workload& workload, std::uint64_t first_index,
        std::int64_t requests)
      : target_(target), workload_(workload), first_index_(first_index), requests_(requests) {
    records_.resize(static_cast<std::size_t>(requests));
    make_bodies();
    start_ = Clock::now();
  }

  void run_closed(std::int64_t clients, const std::function<void(std::int64_t)>& progress) {
    again_ = true;
    for (std::int64_t i = 0; i < clients; ++i) send_next();
    wait(progress);
  }

  // Poisson arrivals: the gaps between requests are exponential.
  void run_open(double per_second, std::uint64_t seed,
                const std::function<void(std::int64_t)>& progress) {
    std::mt19937_64 random(seed);
    Clock::time_point next = start_;
    for (std::int64_t i = 0; i < requests_; ++i) {
      std::this_thread::sleep_until(next);
      send_next();
      const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
      next += std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(-std::log1p(-uniform) / per_second));
      progress(done());
    }
    wait(progress);
  }

  [[nodiscard]] const std::vector<RequestRecord>& records() const { return records_; }

 private:
  struct Running {
    RequestRecord record;
    StreamReader reader;
    int status = 0;
  };

  // Pictures take milliseconds each: made before the clock starts, on all CPUs.
  void make_bodies() {
    bodies_.resize(std::min(records_.size(), kPrepared));
    ThreadPool pool(usable_cpus());
    pool.parallel_for(std::ssize(bodies_), 1, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        bodies_[static_cast<std::size_t>(i)] = body_of(i);
      }
    });
  }
  [[nodiscard]] std::string body_of(std::int64_t index) const {
    return request_body(workload_, first_index_ + static_cast<std::uint64_t>(index));
  }

  double now_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  std::int64_t done() {
    const std::lock_guard lock(mutex_);
    return done_;
  }

  void send_next() {
    std::int64_t index = 0;
    {
      const std::lock_guard lock(mutex_);
      if (sent_ == requests_) return;
      index = sent_++;
    }
    HttpAsk ask;
    ask.method = "POST";
    ask.target = target_.base + request_path(workload_);
    ask.headers = target_.headers;
    ask.body = index < std::ssize(bodies_) ? std::move(bodies_[static_cast<std::size_t>(index)])
                                           : body_of(index);
    ask.timeout = target_.timeout;
    const auto running = std::make_shared<Running>();
    HttpAskEvents events;
    events.on_head = [running](int status) { running->status = status; };
    events.on_body = [this, running](std::string_view bytes) {
      if (running->status == 200) running->reader.feed(bytes, now_s(), &running->record);
    };
    events.on_end = [this, running, index](const Status& status) {
      ended(*running, index, status);
    };
    running->record.sent_s = now_s();
    target_.client->send(std::move(ask), std::move(events));
  }

  void ended(Running& running, std::int64_t index, const Status& status) {
    running.record.end_s = now_s();
    if (!status) {
      running.record.error = status.error().message;
    } else if (running.status != 200) {
      running.record.error = "status " + std::to_string(running.status);
    }
    running.reader.end(&running.record);
    if (again_) send_next();
    const std::lock_guard lock(mutex_);
    records_[static_cast<std::size_t>(index)] = std::move(running.record);
    ++done_;
    changed_.notify_all();
  }

  void wait(const std::function<void(std::int64_t)>& progress) {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (changed_.wait_for(lock, std::chrono::milliseconds(500),
                            [&] { return done_ == requests_; }))
        return;
      const std::int64_t done = done_;
      lock.unlock();
      progress(done);
    }
  }

  const ApiTarget& target_;
  const Workload& workload_;
  const std::uint64_t first_index_;
  const std::int64_t requests_;
  std::vector<std::string> bodies_;  // of requests that were not sent yet
  Clock::time_point start_;
  bool again_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t sent_ = 0;
  std::int64_t done_ = 0;
  std::vector<RequestRecord> records_;
};

std::int64_t request_count(const BenchServeOptions& options, std::int64_t clients) {
  return options.requests > 0 ? options.requests : std::max<std::int64_t>(16, 8 * clients);
}

}  // namespace

Result<std::vector<LevelResult>> bench_serve(const BenchServeOptions& options,
                                             const LevelProgress& progress) {
  MONOCLE_ASSIGN(const ApiTarget target, make_api_target(options.url, options.timeout_s));
  Workload workload = options.workload;
  if (workload.model.empty()) {
    MONOCLE_ASSIGN(workload.model, first_model(target));
  }
  std::uint64_t next_index = 0;
  if (options.warmup > 0) {
    Level warmup(target, workload, next_index, options.warmup);
    warmup.run_closed(1, [](std::int64_t) {});
    next_index += static_cast<std::uint64_t>(options.warmup);
    if (const std::string& error = warmup.records().front().error; !error.empty()) {
      return fail(ErrorCode::kUnavailable, "the first request failed: {}", error);
    }
  }
  std::vector<LevelResult> results;
  const auto measure = [&](std::string name, std::int64_t requests, const auto& run) {
    Level level(target, workload, next_index, requests);
    next_index += static_cast<std::uint64_t>(requests);
    run(level, [&](std::int64_t done) { progress(name, done, requests); });
    results.push_back(summarize(std::move(name), level.records(), options.objectives));
  };
  if (options.rates.empty()) {
    for (const std::int64_t clients : options.concurrency) {
      measure(fmt::format("{} clients", clients), request_count(options, clients),
              [&](Level& level, const auto& tell) { level.run_closed(clients, tell); });
    }
  }
  for (const double rate : options.rates) {
    measure(fmt::format("{:g} per second", rate), request_count(options, 4),
            [&](Level& level, const auto& tell) { level.run_open(rate, workload.seed, tell); });
  }
  return results;
}

}  // namespace monocle::app
