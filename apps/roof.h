// SPDX-License-Identifier: Apache-2.0
// The machine's limits, measured now with what the model runs on: the CPU's threads or the GPU.
#pragma once

#include <memory>
#include <string_view>

#include "backends.h"
#include "cpu/roof.h"

namespace monocle::app {

// All limits of the machine that `backend` (its name) computes on. Takes about a second.
Result<cpu::Roof> measure_roof(const DeviceOptions& device, std::string_view backend);
// Memory read bandwidth in 1e9 bytes per second; 0 when it cannot be measured.
double measure_read_gb_s(const DeviceOptions& device, std::string_view backend);

// Samples of the CPU's memory read bandwidth, with threads of its own.
class MemoryProbe {
 public:
  // Null where there is nothing to sample: a GPU has its memory for itself.
  static std::unique_ptr<MemoryProbe> create(const DeviceOptions& device, std::string_view backend);

  double gb_s() { return probe_.sample(); }

 private:
  MemoryProbe(const DeviceOptions& device, cpu::Isa isa)
      : context_(device.resolved_threads(), device.pin, isa), probe_(context_, kBytes) {}

  static constexpr std::size_t kBytes = std::size_t{256} << 20;  // a pass takes some milliseconds

  cpu::Context context_;
  cpu::ReadProbe probe_;
};

}  // namespace monocle::app
