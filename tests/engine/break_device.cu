// SPDX-License-Identifier: Apache-2.0
#include "break_device.h"

#include <cuda_runtime_api.h>

namespace monocle::test {
namespace {

__global__ void write_nowhere() { *reinterpret_cast<volatile int*>(8) = 1; }

// Runs `work` with `device` as the current one.
template <class Work>
void on_device(int device, Work work) {
  int current = 0;
  cudaGetDevice(&current);
  if (cudaSetDevice(device) == cudaSuccess) {
    work();
  }
  cudaSetDevice(current);
  cudaGetLastError();
}

}  // namespace

void destroy_context(int device) {
  on_device(device, [] { cudaDeviceReset(); });
}

void fault(int device) {
  on_device(device, [] {
    write_nowhere<<<1, 1>>>();
    cudaDeviceSynchronize();
  });
}

}  // namespace monocle::test
