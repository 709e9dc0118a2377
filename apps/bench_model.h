// SPDX-License-Identifier: Apache-2.0
// Measures one model on this machine: start, picture encode, prefill, decode, memory, and in the
// same run the machine's own limits. Every figure is the median of several repeats with its
// extremes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cpu/roof.h"
#include "open_model.h"

namespace monocle::app {

struct BenchModelOptions {
  ModelOptions model;
  std::string random;  // a preset of random weights instead of a checkpoint
  std::int64_t prompt = 512;
  std::vector<std::int64_t> depths{0};
  std::vector<std::int32_t> batches{1};  // sequences that decode together
  std::int64_t gen = 64;
  std::int64_t image = 1024;  // side in pixels, 0 = none
  std::int32_t repeats = 3;
};

struct Spread {
  double median = 0;
  double low = 0;
  double high = 0;
};

struct PhaseResult {
  std::int64_t depth = 0;  // tokens in the cache before
  std::int32_t batch = 1;  // sequences
  Spread seconds;          // per step for decode, for the whole phase else
  double tokens = 0;       // that the seconds cover
  double flops = 0;        // that the seconds cover at least
  double bytes = 0;
  // Of decode on a CPU: memory read in the moments between the steps, and the share of it that the
  // steps reached, each beside its own sample (medians). 0 where it was not sampled.
  double read_gb_s = 0;
  double memory_share = 0;
};

struct BenchModelResult {
  std::string model;  // checkpoint path, or "random 2b"
  std::string backend;
  std::string format;  // of the text layers
  std::string activation;
  int threads = 0;
  cpu::Roof roof;
  double load_seconds = 0;  // open, map, convert; without making random numbers
  std::vector<PhaseResult> prefill;
  std::vector<PhaseResult> decode;
  std::vector<PhaseResult> vision;  // none or one
  std::size_t weight_bytes = 0;
  std::size_t peak_resident_bytes = 0;
  double load_average = 0;
};

Result<BenchModelResult> bench_model(const BenchModelOptions& options);

}  // namespace monocle::app
