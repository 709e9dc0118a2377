// SPDX-License-Identifier: Apache-2.0
#include "cuda/check.h"

#include <string>

namespace monocle::cuda {

void throw_error(cudaError_t error, const char* call) {
  throw DeviceError(std::string("the GPU reported '") + cudaGetErrorString(error) + "' at " + call);
}

}  // namespace monocle::cuda
