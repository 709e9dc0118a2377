// SPDX-License-Identifier: Apache-2.0
#include "roof.h"

#include "cpu/context.h"
#include "cpu/isa.h"
#include "cpu/roof.h"

namespace monocle::app {

double measure_read_gb_s(const DeviceOptions& device) {
  const auto isa = cpu::choose_isa(cpu::isa_from_environment());
  if (!isa) {
    return 0.0;
  }
  cpu::Context context(device.resolved_threads(), device.pin, *isa);
  return cpu::measure_read_gb_s(context, {});
}

}  // namespace monocle::app
