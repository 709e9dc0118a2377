// SPDX-License-Identifier: Apache-2.0
// What a model will take of a backend's memory, before it is loaded. Exact: the tests compare it
// with what a load takes.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"
#include "model/model.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "model/qwen3_vl/weights.h"
#include "ops/backend.h"

namespace monocle::qwen3_vl {

// The format in which a tensor will come from the model's TensorSource.
using FormatSource = FunctionRef<Result<QuantFormat>(std::string_view name)>;

struct LoadPlan {
  ModelFacts facts;  // but for the bytes, known from the configuration
  DType activation = DType::kF32;
  DType kv = DType::kF32;
  std::size_t memory = 0;  // weights and tables, each allocation rounded up to the granule
};

Result<LoadPlan> plan_load(const Config& config, const WeightOptions& options, Precision precision,
                           FormatSource stored, Backend& backend);

// Of the workspace that Qwen3Vl::plan() will take.
std::size_t workspace_bytes(const Config& config, DType activation, const PlanLimits& limits,
                            Backend& backend);

}  // namespace monocle::qwen3_vl
