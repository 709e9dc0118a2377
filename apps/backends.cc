// SPDX-License-Identifier: Apache-2.0
#include "backends.h"

#include <cstdio>
#include <string>

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"
#include "ops/reference/reference_backend.h"
#ifdef MONOCLE_CUDA
#include "cuda/cuda_backend.h"
#endif

namespace monocle::app {
namespace {

constexpr std::string_view kCudaPrefix = "cuda:";

std::string check_device(const std::string& device) {
  const bool number =
      device.starts_with(kCudaPrefix) && device.size() > kCudaPrefix.size() &&
      device.size() < kCudaPrefix.size() + 4 &&
      device.find_first_not_of("0123456789", kCudaPrefix.size()) == std::string::npos;
  if (device == "auto" || device == "cpu" || device == "reference" || number) {
    return {};
  }
  return "'" + device + "' is none of auto, cpu, reference, cuda:N";
}

Result<std::unique_ptr<Backend>> make_cuda(int device) {
#ifdef MONOCLE_CUDA
  return cuda::make_cuda_backend({.device = device});
#else
  return fail(ErrorCode::kUnsupported, "cuda:{} asked for, but this program was built without CUDA",
              device);
#endif
}

}  // namespace

void DeviceOptions::add(CLI::App& app) {
  app.add_option("--device", device,
                 "Where to compute: auto, cpu, cuda:N, or reference (slow, exact, for checks)")
      ->capture_default_str()
      ->check(check_device)
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
  if (options.device.starts_with(kCudaPrefix)) {
    return make_cuda(std::stoi(options.device.substr(kCudaPrefix.size())));
  }
#ifdef MONOCLE_CUDA
  if (options.device == "auto") {
    auto gpu = make_cuda(0);
    if (gpu) {
      return gpu;
    }
    std::fprintf(stderr, "monocle: computing on the CPU: %s\n", gpu.error().message.c_str());
  }
#endif
  return cpu::make_cpu_backend({.threads = options.resolved_threads(), .pin = options.pin});
}

}  // namespace monocle::app
