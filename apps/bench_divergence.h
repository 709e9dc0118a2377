// SPDX-License-Identifier: Apache-2.0
// What a weight format or a KV cache type costs in answers: the model as stored and the model as
// asked for read the same questions and the same right answers, and what they think of every token
// of the answers is compared.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "command.h"
#include "open_model.h"

namespace monocle::app {

struct BenchDivergenceOptions {
  ModelOptions model;   // as asked for; the other one has --quant none and --kv auto
  std::string samples;  // JSON list of {file, question, answer}, files separated by spaces; empty:
                        // samples/expected.json beside the weights
};

struct DivergenceResult {
  std::int64_t samples = 0;
  std::int64_t tokens = 0;  // of all answers, their ends included
  double kl_mean = 0;       // KL(stored || asked for) per token, nats
  double kl_p99 = 0;
  double kl_max = 0;
  std::int64_t agreements = 0;  // tokens that both think likeliest
  // Answers of which every token is the likeliest: what greedy decoding would get right.
  std::int64_t right_stored = 0;
  std::int64_t right_asked = 0;
};

Result<DivergenceResult> bench_divergence(const BenchDivergenceOptions& options);

// `app` is the subcommand itself.
Action add_bench_divergence(Flags& app);

}  // namespace monocle::app
