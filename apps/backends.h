// SPDX-License-Identifier: Apache-2.0
// The table of backends, and the flags that choose one.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "ops/backend.h"

namespace monocle::app {

struct DeviceOptions {
  std::string device = "auto";  // auto, cpu, reference, cuda:N
  int threads = 0;              // 0: all CPUs this process may use
  bool pin = false;

  void add(CLI::App& app);
  [[nodiscard]] int resolved_threads() const;
};

Result<std::unique_ptr<Backend>> make_backend(const DeviceOptions& options);

}  // namespace monocle::app
