// SPDX-License-Identifier: Apache-2.0
#include "cuda/device.h"

#include <cstdlib>

#include "cuda/check.h"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kOldestMajor = 8;

// 13000 as the runtime counts is 13.0.
std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

// CUDA_VISIBLE_DEVICES explains most GPUs that are missed.
std::string visible_text() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  return visible == nullptr ? "" : fmt::format(" (CUDA_VISIBLE_DEVICES is '{}')", visible);
}

tl::unexpected<Error> no_devices(const Driver& driver, cudaError_t error) {
  int version = 0;
  if (driver.driver_version(version) != cudaSuccess) {
    version = 0;
  }
  if (error == cudaErrorInsufficientDriver && version > 0) {
    return fail(ErrorCode::kUnavailable,
                "no usable GPU: the NVIDIA driver is for CUDA {} and this program needs {}; update "
                "the driver",
                version_text(version), version_text(CUDART_VERSION));
  }
  if (error == cudaErrorInsufficientDriver) {
    return fail(ErrorCode::kUnavailable, "no usable GPU: no NVIDIA driver is installed");
  }
  if (error == cudaErrorNoDevice || error == cudaSuccess) {
    return fail(ErrorCode::kUnavailable, "no usable GPU: the NVIDIA driver shows none{}",
                visible_text());
  }
  return fail(ErrorCode::kUnavailable, "no usable GPU: {}", cudaGetErrorString(error));
}

tl::unexpected<Error> no_context(const cudaDeviceProp& properties, int device, cudaError_t error) {
  const std::string name = fmt::format("cuda:{} {}", device, properties.name);
  switch (error) {
    case cudaErrorMemoryAllocation:
      return fail(ErrorCode::kTooLarge,
                  "{} has no memory left to start on: other programs hold its {} bytes", name,
                  properties.totalGlobalMem);
    case cudaErrorDevicesUnavailable:
      return fail(ErrorCode::kUnavailable, "{} is in exclusive use by another process", name);
    case cudaErrorECCUncorrectable:
      return fail(ErrorCode::kUnavailable,
                  "{} reports an uncorrectable memory (ECC) error: it needs a reset", name);
    default:
      return fail(ErrorCode::kUnavailable, "{} does not start: {}", name,
                  cudaGetErrorString(error));
  }
}

}  // namespace

Driver real_driver() {
  const auto not_sticky = [](cudaError_t error) {
    cudaGetLastError();  // or the next launch would report it
    return error;
  };
  return {
      .device_count = [=](int& count) { return not_sticky(cudaGetDeviceCount(&count)); },
      .driver_version = [=](int& version) { return not_sticky(cudaDriverGetVersion(&version)); },
      .properties =
          [=](int device, cudaDeviceProp& out) {
            return not_sticky(cudaGetDeviceProperties(&out, device));
          },
      .make_context =
          [=](int device) {
            const cudaError_t set = not_sticky(try_bind_device(device));
            return set != cudaSuccess ? set : not_sticky(cudaFree(nullptr));
          },
      .has_code =
          [=] {
            if (has_code()) {
              return cudaSuccess;
            }
            const cudaError_t sticky = not_sticky(cudaFree(nullptr));
            return sticky != cudaSuccess ? sticky : cudaErrorNoKernelImageForDevice;
          },
  };
}

Result<cudaDeviceProp> open_device(const Driver& driver, int device) {
  int count = 0;
  const cudaError_t found = driver.device_count(count);
  if (found != cudaSuccess || count == 0) {
    return no_devices(driver, found);
  }
  if (device < 0 || device >= count) {
    return fail(ErrorCode::kUnavailable, "cuda:{} does not exist: {} GPUs are visible{}", device,
                count, visible_text());
  }
  cudaDeviceProp properties{};
  if (const cudaError_t error = driver.properties(device, properties); error != cudaSuccess) {
    return no_context(properties, device, error);
  }
  if (properties.major < kOldestMajor) {
    return fail(ErrorCode::kUnsupported,
                "{} has compute capability {}.{}; {}.0 is the oldest supported", properties.name,
                properties.major, properties.minor, kOldestMajor);
  }
  if (const cudaError_t error = driver.make_context(device); error != cudaSuccess) {
    return no_context(properties, device, error);
  }
  if (const cudaError_t error = driver.has_code(); error != cudaSuccess) {
    if (error != cudaErrorNoKernelImageForDevice && error != cudaErrorUnsupportedPtxVersion &&
        error != cudaErrorInvalidDeviceFunction) {
      return no_context(properties, device, error);
    }
    return fail(ErrorCode::kUnsupported,
                "this program holds no code for {} (compute capability {}.{})", properties.name,
                properties.major, properties.minor);
  }
  return properties;
}

cudaError_t try_bind_device(int device) {
  thread_local int bound = -1;
  if (bound == device) {
    return cudaSuccess;
  }
  const cudaError_t error = cudaSetDevice(device);
  bound = error == cudaSuccess ? device : -1;
  return error;
}

void bind_device(int device) { check(try_bind_device(device), "cudaSetDevice"); }

bool runs_sm90a(const cudaDeviceProp& properties) {
#if defined(MONOCLE_HAS_SM90A)
  return properties.major == 9 && properties.minor == 0;
#else
  static_cast<void>(properties);
  return false;
#endif
}

}  // namespace monocle::cuda
