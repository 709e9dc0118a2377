// SPDX-License-Identifier: Apache-2.0
// An engine on every device of an opened model.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/engine_pool.h"
#include "open_model.h"

namespace monocle::app {

// The pool names its devices "cuda:0", "cpu"; several on the CPU are "cpu:0", "cpu:1". `opened`
// must outlive it.
Result<std::unique_ptr<EnginePool>> make_pool(OpenedModel& opened, const EngineLimits& limits);

// All of them in full: "cuda:0 NVIDIA H100, cuda:1 NVIDIA H100".
std::string device_names(const OpenedModel& opened);

}  // namespace monocle::app
