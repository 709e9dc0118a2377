// SPDX-License-Identifier: Apache-2.0
#include "backends.h"

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"
#include "ops/reference/reference_backend.h"

namespace monocle::app {

void DeviceOptions::add(CLI::App& app) {
  app.add_option("--device", device, "Where to compute: auto, cpu, or reference (slow, exact, for checks)")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "cpu", "reference"}))
      ->group("Machine");
  app.add_option("--threads", threads, "CPU threads (default: every CPU this process may use)")
      ->check(CLI::Range(1, 1024))
      ->group("Machine");
  app.add_flag("--pin", pin, "Bind each thread to one CPU")->group("Machine");
}

int DeviceOptions::resolved_threads() const { return threads > 0 ? threads : usable_cpus(); }

Result<std::unique_ptr<Backend>> make_backend(const DeviceOptions& options) {
  if (options.device == "reference") {
    return std::make_unique<ReferenceBackend>();
  }
  return cpu::make_cpu_backend({.threads = options.resolved_threads(), .pin = options.pin});
}

}  // namespace monocle::app
