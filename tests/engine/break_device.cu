// SPDX-License-Identifier: Apache-2.0
#include "break_device.h"

#include <cuda_runtime_api.h>

namespace monocle::test {
namespace {

__global__ void write_nowhere() { *reinterpret_cast<volatile int*>(8) = 1; }

}  // namespace

void break_device(int device) {
  int current = 0;
  cudaGetDevice(&current);
  if (cudaSetDevice(device) == cudaSuccess) {
    write_nowhere<<<1, 1>>>();
    cudaDeviceSynchronize();
    cudaGetLastError();
  }
  cudaSetDevice(current);
}

}  // namespace monocle::test
