// SPDX-License-Identifier: Apache-2.0
// Runs a case through the model the way a server would run it, all its prompts in one step, and
// keeps every named intermediate tensor under the key the reference uses.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"
#include "open_model.h"
#include "trace_case.h"

namespace monocle::app {

struct TracedTensor {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;
};

using Trace = std::map<std::string, TracedTensor>;

// `steps` greedy tokens are generated after the prompt.
Result<Trace> run_trace(const TraceCase& trace_case, OpenedModel& model, std::int32_t steps);

}  // namespace monocle::app
