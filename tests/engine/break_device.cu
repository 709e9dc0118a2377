// SPDX-License-Identifier: Apache-2.0
#include "break_device.h"

#include <cuda_runtime_api.h>

#include "cuda/device.h"

namespace monocle::test {
namespace {

__global__ void write_nowhere() { *reinterpret_cast<volatile int*>(8) = 1; }

}  // namespace

void break_device(int device) {
  if (cuda::try_bind_device(device) == cudaSuccess) {
    write_nowhere<<<1, 1>>>();
    cudaDeviceSynchronize();
    cudaGetLastError();
  }
}

}  // namespace monocle::test
