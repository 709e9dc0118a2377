// SPDX-License-Identifier: Apache-2.0
// Calls of the CUDA runtime and their errors. An error inside a verb is thrown: it is sticky,
// nothing after it can work, and verbs return nothing. The engine's owner catches it once and gives
// the device up.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>

namespace monocle::cuda {

class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void throw_error(cudaError_t error, const char* call);

inline void check(cudaError_t error, const char* call) {
  if (error != cudaSuccess) {
    throw_error(error, call);
  }
}

}  // namespace monocle::cuda

#define MONOCLE_CUDA_CHECK(call) ::monocle::cuda::check((call), #call)
