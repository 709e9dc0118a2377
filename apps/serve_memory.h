// SPDX-License-Identifier: Apache-2.0
// How `monocle serve` divides the memory of its devices, before anything is loaded.
#pragma once

#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/qwen3_vl/memory.h"
#include "open_model.h"
#include "plan/memory_plan.h"
#include "serve_options.h"

namespace monocle::app {

struct DevicePlan {
  std::string device;
  bool host = false;  // the machine's own memory
  MemoryPlan memory;
};

struct ServePlan {
  EngineLimits limits;  // of every device's engine
  std::vector<DevicePlan> devices;
};

// For devices that are open, of a model that is not loaded yet; shrinks the model's picture budget
// to what is planned for, and takes the memory on devices that have their own.
Result<ServePlan> plan_serve(const ServeOptions& options, OpenedModel& opened);

}  // namespace monocle::app
