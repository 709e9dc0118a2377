// SPDX-License-Identifier: Apache-2.0
// A GPU before the first kernel: whether there is one that this build can use, and a sentence for
// every reason why not. The driver is asked through a table, so that tests can answer in its place.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <functional>
#include <string>

#include "base/result.h"

namespace monocle::cuda {

// What is asked of the CUDA runtime, in this order.
struct Driver {
  std::function<cudaError_t(int& count)> device_count;
  std::function<cudaError_t(int& version)> driver_version;  // 0: none is installed
  std::function<cudaError_t(int device, cudaDeviceProp&)> properties;
  std::function<cudaError_t(int device)> make_context;  // and bind this thread to it
  std::function<cudaError_t()> has_code;                // for the current device
};
Driver real_driver();

// kUnavailable: no driver, one that is too old, no GPU, no such device, a GPU that is broken or in
// use. kUnsupported: a GPU that this build has no code for. kTooLarge: no memory for a context.
Result<cudaDeviceProp> open_device(const Driver& driver, int device);

// Makes `device` the current one of this thread. Cheap when it is already; every change of the
// current device goes through here.
void bind_device(int device);
cudaError_t try_bind_device(int device);  // where an error must not throw

// Code for sm_90a runs on compute capability 9.0 only, and only where the build contains it.
bool runs_sm90a(const cudaDeviceProp& properties);

}  // namespace monocle::cuda
