// SPDX-License-Identifier: Apache-2.0
// Throughput of the engines alone: many requests at once, without sockets, JSON or text. What
// `bench serve` measures less than this is the server's cost.
#pragma once

#include <cstdint>

#include "command.h"
#include "flags.h"
#include "open_model.h"

namespace monocle::app {

struct BenchEngineOptions {
  ModelOptions model;
  std::int64_t requests = 256;  // all at once
  std::int64_t prompt = 512;    // text tokens of each
  std::int64_t gen = 256;
  std::int64_t image = 0;  // side of one picture per request, 0 = none
  std::int64_t step_tokens = 4096;
  std::int32_t repeats = 3;
  bool json = false;
};

// `app` is the subcommand itself.
Action add_bench_engine(Flags& app);

}  // namespace monocle::app
