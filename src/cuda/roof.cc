// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <vector>

#include "cuda/check.h"
#include "cuda/cuda_backend.h"
#include "cuda/device.h"
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/roof.h"

namespace monocle::cuda {
namespace {

constexpr std::size_t kBytes = std::size_t{2} << 30;
constexpr int kRuns = 9;

// Median seconds of what `enqueue` starts.
double measure(const std::function<void()>& enqueue) {
  cudaEvent_t start = nullptr;
  cudaEvent_t stop = nullptr;
  MONOCLE_CUDA_CHECK(cudaEventCreate(&start));
  MONOCLE_CUDA_CHECK(cudaEventCreate(&stop));
  std::vector<float> milliseconds;
  for (int i = 0; i < kRuns; ++i) {
    MONOCLE_CUDA_CHECK(cudaEventRecord(start, nullptr));
    enqueue();
    MONOCLE_CUDA_CHECK(cudaEventRecord(stop, nullptr));
    MONOCLE_CUDA_CHECK(cudaEventSynchronize(stop));
    float elapsed = 0;
    MONOCLE_CUDA_CHECK(cudaEventElapsedTime(&elapsed, start, stop));
    milliseconds.push_back(elapsed);
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  std::ranges::sort(milliseconds);
  return static_cast<double>(milliseconds[kRuns / 2]) * 1e-3;
}

double measure_arithmetic(const Launch& launch, Arithmetic kind, bool sm90) {
  double operations = 0;
  const double seconds = measure([&] { operations = enqueue_arithmetic(launch, kind, sm90); });
  return operations / seconds * 1e-12;
}

}  // namespace

Result<CudaRoof> measure_roof(const CudaOptions& options) {
  try {
    MONOCLE_ASSIGN(const cudaDeviceProp properties, open_device(real_driver(), options.device));
    Launch launch;
    launch.multiprocessors = properties.multiProcessorCount;
    void* data = nullptr;
    void* sink = nullptr;
    MONOCLE_CUDA_CHECK(cudaMalloc(&sink, 64));
    launch.scratch = static_cast<float*>(sink);
    MONOCLE_CUDA_CHECK(cudaMalloc(&data, kBytes));
    MONOCLE_CUDA_CHECK(cudaMemset(data, 0x5a, kBytes));
    const double seconds = measure([&] { read_memory(launch, data, kBytes); });
    cudaFree(data);
    CudaRoof roof{.device = properties.name,
                  .read_gb_s = static_cast<double>(kBytes) / seconds * 1e-9};
    const bool sm90 = runs_sm90a(properties);
    roof.f32_tflop_s = measure_arithmetic(launch, Arithmetic::kF32, sm90);
    roof.bf16_tflop_s = measure_arithmetic(launch, Arithmetic::kBF16, sm90);
    roof.int8_top_s = measure_arithmetic(launch, Arithmetic::kInt8, sm90);
    cudaFree(sink);
    return roof;
  } catch (const DeviceError& error) {
    return fail(ErrorCode::kUnavailable, "cuda:{}: {}", options.device, error.what());
  }
}

}  // namespace monocle::cuda
