// SPDX-License-Identifier: Apache-2.0
// The machine's limits, measured with the threads the model runs on.
#pragma once

#include "backends.h"

namespace monocle::app {

// Memory read bandwidth in 1e9 bytes per second; 0 when it cannot be measured. Takes about a
// second.
double measure_read_gb_s(const DeviceOptions& device);

}  // namespace monocle::app
