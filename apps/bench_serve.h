// SPDX-License-Identifier: Apache-2.0
// Load for any server of the OpenAI API: a number of clients that each ask again when they are
// answered (closed loop), or requests at random times of a given rate (open loop). Measured as a
// client sees it: every time from the request's first byte sent, tokens from the server's usage.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bench_serve_stats.h"
#include "bench_serve_workload.h"
#include "command.h"
#include "flags.h"

namespace monocle::app {

struct BenchServeOptions {
  std::string url = "http://127.0.0.1:7860/v1";
  std::vector<std::int64_t> concurrency{1};  // one level each
  std::vector<double> rates;                 // requests per second; instead of concurrency
  std::int64_t requests = 0;                 // per level; 0: 8 per client, at least 16
  std::int64_t warmup = 1;
  double timeout_s = 600;
  Objectives objectives;
  Workload workload;
};

// Called from time to time with what a level has done so far.
using LevelProgress =
    std::function<void(const std::string& level, std::int64_t done, std::int64_t requests)>;

Result<std::vector<LevelResult>> bench_serve(const BenchServeOptions& options,
                                             const LevelProgress& progress);

// `app` is the subcommand itself.
Action add_bench_serve(Flags& app);

}  // namespace monocle::app
