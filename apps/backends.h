// SPDX-License-Identifier: Apache-2.0
// The table of backends, and the flags that choose one or several.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "flags.h"
#include "ops/backend.h"

namespace monocle::app {

struct DeviceOptions {
  std::string device = "auto";  // auto, cpu, reference, cuda:N; several: cuda:0,1
  int threads = 0;              // 0: all CPUs this process may use
  bool pin = false;
  // A row's result does not depend on how many rows are computed with it. Unset: as `serves` says,
  // but for amx, where single rows with bf16 weights would take 1.7 times as long.
  std::optional<bool> batch_invariant = std::nullopt;
  bool serves = false;  // many requests at once

  void add(Flags& app);
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
