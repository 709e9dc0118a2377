// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include "cuda/check.h"
#include "cuda/cuda_backend.h"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr std::size_t kBytes = std::size_t{2} << 30;
constexpr int kRuns = 9;

double measure(const Launch& launch, const void* data) {
  cudaEvent_t start = nullptr;
  cudaEvent_t stop = nullptr;
  MONOCLE_CUDA_CHECK(cudaEventCreate(&start));
  MONOCLE_CUDA_CHECK(cudaEventCreate(&stop));
  std::vector<float> milliseconds;
  for (int i = 0; i < kRuns; ++i) {
    MONOCLE_CUDA_CHECK(cudaEventRecord(start, launch.stream));
    read_memory(launch, data, kBytes);
    MONOCLE_CUDA_CHECK(cudaEventRecord(stop, launch.stream));
    MONOCLE_CUDA_CHECK(cudaEventSynchronize(stop));
    float elapsed = 0;
    MONOCLE_CUDA_CHECK(cudaEventElapsedTime(&elapsed, start, stop));
    milliseconds.push_back(elapsed);
  }
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
  std::ranges::sort(milliseconds);
  return static_cast<double>(kBytes) / static_cast<double>(milliseconds[kRuns / 2]) * 1e-6;
}

}  // namespace

Result<CudaRoof> measure_roof(const CudaOptions& options) {
  try {
    MONOCLE_CUDA_CHECK(cudaSetDevice(options.device));
    cudaDeviceProp properties{};
    MONOCLE_CUDA_CHECK(cudaGetDeviceProperties(&properties, options.device));
    Launch launch;
    launch.multiprocessors = properties.multiProcessorCount;
    void* data = nullptr;
    void* sink = nullptr;
    MONOCLE_CUDA_CHECK(cudaMalloc(&sink, 64));
    launch.scratch = static_cast<float*>(sink);
    MONOCLE_CUDA_CHECK(cudaMalloc(&data, kBytes));
    MONOCLE_CUDA_CHECK(cudaMemset(data, 0x5a, kBytes));
    CudaRoof roof{properties.name, measure(launch, data)};
    cudaFree(data);
    cudaFree(sink);
    return roof;
  } catch (const DeviceError& error) {
    return fail(ErrorCode::kUnavailable, "cuda:{}: {}", options.device, error.what());
  }
}

}  // namespace monocle::cuda
