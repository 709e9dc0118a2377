// SPDX-License-Identifier: Apache-2.0
// The backend seam on the CPU. Verbs run at once, on the calling thread and the workers of the
// context; what they write is the same for any number of threads. Weights are used where they lie.
#pragma once

#include <memory>
#include <optional>

#include "base/result.h"
#include "cpu/isa.h"
#include "ops/backend.h"

namespace monocle::cpu {

struct CpuOptions {
  int threads = 1;   // the calling thread included
  bool pin = false;  // bind each worker to one CPU
  std::optional<Isa> isa =
      std::nullopt;  // unset: MONOCLE_CPU_ISA, or the best tier of this machine
  // A row of a result never depends on how many rows are computed with it. Costs bf16 weights speed
  // on avx512 (many rows) and on amx (single rows); elsewhere it always holds.
  bool batch_invariant = false;
};

// Fails when a forced instruction set is unknown or not supported here.
Result<std::unique_ptr<Backend>> make_cpu_backend(const CpuOptions& options);

}  // namespace monocle::cpu
