// SPDX-License-Identifier: Apache-2.0
// The table of backends, and the flags that choose one or several.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ops/backend.h"

namespace monocle::app {

struct DeviceOptions {
  std::string device = "auto";  // auto, cpu, reference, cuda:N; several: cuda:0,1
  int threads = 0;              // 0: all CPUs this process may use
  bool pin = false;

  void add(CLI::App& app);
  [[nodiscard]] int resolved_threads() const;
  // One name per device: "cuda:0,1" is cuda:0 and cuda:1.
  [[nodiscard]] Result<std::vector<std::string>> devices() const;
};

// One backend per device asked for; those on the CPU share its threads. `auto` is the first GPU
// that can be used, else the CPU, and says why.
Result<std::vector<std::unique_ptr<Backend>>> make_backends(const DeviceOptions& options);
// For commands that compute on one device.
Status check_one_device(const DeviceOptions& options);
Result<std::unique_ptr<Backend>> make_backend(const DeviceOptions& options);

}  // namespace monocle::app
