// SPDX-License-Identifier: Apache-2.0
#include "backends.h"

#include <algorithm>
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
constexpr std::size_t kMaxDevices = 64;

// "0", "17": what follows the colon or a comma.
bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 4 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string check_device(const std::string& device) {
  const auto devices = DeviceOptions{.device = device}.devices();
  return devices ? "" : devices.error().message;
}

Result<std::unique_ptr<Backend>> make_cuda([[maybe_unused]] const DeviceOptions& options,
                                           int device) {
#ifdef MONOCLE_CUDA
  return cuda::make_cuda_backend(
      {.device = device, .batch_invariant = options.batch_invariant.value_or(false)});
#else
  return fail(ErrorCode::kUnsupported, "cuda:{} asked for, but this program was built without CUDA",
              device);
#endif
}

}  // namespace

void DeviceOptions::add(Flags& app) {
  app.add_option("--device", device,
                 "Where to compute: auto, cpu, cuda:N, or reference (slow, exact, for checks); "
                 "`monocle serve` takes several: cuda:0,1")
      .capture_default_str()
      .check(check_device)
      .group("Machine");
  app.add_option("--threads", threads, "CPU threads (default: every CPU this process may use)")
      .range(1, 1024)
      .group("Machine");
  app.add_flag("--pin", pin, "Bind each thread to one CPU").group("Machine");
  app.add_flag(
         "--batch-invariant,!--no-batch-invariant", batch_invariant,
         "Whether answers must not depend on what is computed with them, to the bit: slower "
         "with bf16 weights on AVX-512 and AMX, and on GPUs (default: only in `serve` on a CPU "
         "without AMX)")
      .group("Machine");
}

int DeviceOptions::resolved_threads() const { return threads > 0 ? threads : usable_cpus(); }

Result<std::vector<std::string>> DeviceOptions::devices() const {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= device.size();) {
    const std::size_t end = std::min(device.find(',', begin), device.size());
    const std::string item = device.substr(begin, end - begin);
    const bool more_gpus =
        is_number(item) && !names.empty() && names.back().starts_with(kCudaPrefix);
    const bool gpu = item.starts_with(kCudaPrefix) && is_number(item.substr(kCudaPrefix.size()));
    const bool alone = item == "auto" && device == item;
    if (!more_gpus && !gpu && !alone && item != "cpu" && item != "reference") {
      return fail(ErrorCode::kInvalidArgument,
                  "'{}' is none of auto, cpu, reference, cuda:N; several are cuda:0,1", device);
    }
    names.push_back(more_gpus ? std::string(kCudaPrefix) + item : item);
    if (gpu || more_gpus) {
      if (std::count(names.begin(), names.end(), names.back()) > 1) {
        return fail(ErrorCode::kInvalidArgument, "'{}' names {} twice", device, names.back());
      }
    }
    begin = end + 1;
  }
  if (names.size() > kMaxDevices) {
    return fail(ErrorCode::kInvalidArgument, "{} devices are more than {}", names.size(),
                kMaxDevices);
  }
  return names;
}

namespace {

Result<std::unique_ptr<Backend>> make_cpu(const DeviceOptions& options, std::size_t sharers) {
  const int threads = std::max(1, options.resolved_threads() / static_cast<int>(sharers));
  MONOCLE_ASSIGN(const cpu::Isa isa, cpu::choose_isa(cpu::isa_from_environment()));
  return cpu::make_cpu_backend({.threads = threads,
                                .pin = options.pin && sharers == 1,
                                .isa = isa,
                                .batch_invariant = options.batch_invariant.value_or(
                                    options.serves && isa != cpu::Isa::kAmx)});
}

Result<std::unique_ptr<Backend>> make_auto(const DeviceOptions& options) {
#ifdef MONOCLE_CUDA
  auto gpu = make_cuda(options, 0);
  if (gpu) {
    return gpu;
  }
  std::fprintf(stderr, "monocle: computing on the CPU: %s\n", gpu.error().message.c_str());
#endif
  return make_cpu(options, 1);
}

}  // namespace

Result<std::vector<std::unique_ptr<Backend>>> make_backends(const DeviceOptions& options) {
  MONOCLE_ASSIGN(const std::vector<std::string> names, options.devices());
  const auto on_cpu = static_cast<std::size_t>(std::count(names.begin(), names.end(), "cpu"));
  std::vector<std::unique_ptr<Backend>> backends;
  for (const std::string& name : names) {
    std::unique_ptr<Backend>& backend = backends.emplace_back();
    if (name == "reference") {
      backend = std::make_unique<ReferenceBackend>();
    } else if (name == "auto") {
      MONOCLE_ASSIGN(backend, make_auto(options));
    } else if (name == "cpu") {
      MONOCLE_ASSIGN(backend, make_cpu(options, on_cpu));
    } else {
      MONOCLE_ASSIGN(backend, make_cuda(options, std::stoi(name.substr(kCudaPrefix.size()))));
    }
  }
  return backends;
}

Status check_one_device(const DeviceOptions& options) {
  MONOCLE_ASSIGN(const std::vector<std::string> names, options.devices());
  if (names.size() > 1) {
    return fail(ErrorCode::kInvalidArgument,
                "--device {}: this command computes on one device; `monocle serve` takes several",
                options.device);
  }
  return {};
}

Result<std::unique_ptr<Backend>> make_backend(const DeviceOptions& options) {
  MONOCLE_TRY(check_one_device(options));
  MONOCLE_ASSIGN(std::vector<std::unique_ptr<Backend>> backends, make_backends(options));
  return std::move(backends.front());
}

}  // namespace monocle::app
