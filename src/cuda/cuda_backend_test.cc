// SPDX-License-Identifier: Apache-2.0
// What holds without a GPU; the verbs are tested by tests/parity on a machine with one.
#include "cuda/cuda_backend.h"

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

namespace monocle::cuda {
namespace {

int visible_devices() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

TEST(CudaBackend, AMachineWithoutAGpuGetsASentence) {
  if (visible_devices() > 0) {
    GTEST_SKIP() << "this machine has a GPU";
  }
  const auto backend = make_cuda_backend({});
  ASSERT_FALSE(backend.has_value());
  EXPECT_EQ(backend.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(backend.error().message.find("no usable GPU"), std::string::npos)
      << backend.error().message;
  EXPECT_FALSE(measure_roof({}).has_value());
}

TEST(CudaBackend, ADeviceThatDoesNotExistIsNamed) {
  if (visible_devices() == 0) {
    GTEST_SKIP() << "this machine has no GPU";
  }
  for (const int device : {-1, visible_devices()}) {
    const auto backend = make_cuda_backend({.device = device});
    ASSERT_FALSE(backend.has_value());
    EXPECT_NE(backend.error().message.find(std::to_string(device)), std::string::npos);
  }
}

}  // namespace
}  // namespace monocle::cuda
