// SPDX-License-Identifier: Apache-2.0
// The machine's limits, measured now with what the model runs on: the CPU's threads or the GPU.
#pragma once

#include <string_view>

#include "backends.h"
#include "cpu/roof.h"

namespace monocle::app {

// All limits of the machine that `backend` (its name) computes on. Takes about a second.
Result<cpu::Roof> measure_roof(const DeviceOptions& device, std::string_view backend);
// Memory read bandwidth in 1e9 bytes per second; 0 when it cannot be measured.
double measure_read_gb_s(const DeviceOptions& device, std::string_view backend);

}  // namespace monocle::app
