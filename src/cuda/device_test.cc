// SPDX-License-Identifier: Apache-2.0
// Every way in which a GPU can be missing, by a driver whose answers the test writes.
#include "cuda/device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

namespace monocle::cuda {
namespace {

// A machine with one good GPU.
struct Machine {
  cudaError_t count_error = cudaSuccess;
  int count = 1;
  int driver_version = 13000;
  cudaError_t properties_error = cudaSuccess;
  int major = 9;
  int minor = 0;
  cudaError_t context_error = cudaSuccess;
  cudaError_t code_error = cudaSuccess;

  [[nodiscard]] Driver driver() const {
    return {.device_count =
                [*this](int& out) {
                  out = count;
                  return count_error;
                },
            .driver_version =
                [*this](int& out) {
                  out = driver_version;
                  return cudaSuccess;
                },
            .properties =
                [*this](int, cudaDeviceProp& out) {
                  std::strcpy(out.name, "NVIDIA Double");
                  out.major = major;
                  out.minor = minor;
                  return properties_error;
                },
            .make_context = [*this](int) { return context_error; },
            .has_code = [*this] { return code_error; }};
  }
};

void expect_error(const Machine& machine, ErrorCode code, const std::string& words,
                  int device = 0) {
  const auto opened = open_device(machine.driver(), device);
  ASSERT_FALSE(opened.has_value()) << words;
  EXPECT_EQ(opened.error().code, code) << opened.error().message;
  EXPECT_NE(opened.error().message.find(words), std::string::npos) << opened.error().message;
}

TEST(OpenDevice, AGoodGpuOpens) {
  const auto opened = open_device(Machine{}.driver(), 0);
  ASSERT_TRUE(opened.has_value()) << opened.error().message;
  EXPECT_STREQ(opened->name, "NVIDIA Double");
}

TEST(OpenDevice, NoDriver) {
  expect_error({.count_error = cudaErrorInsufficientDriver, .count = 0, .driver_version = 0},
               ErrorCode::kUnavailable, "no NVIDIA driver is installed");
}

TEST(OpenDevice, AnOldDriverIsNamedWithBothVersions) {
  const Machine machine{
      .count_error = cudaErrorInsufficientDriver, .count = 0, .driver_version = 11040};
  expect_error(machine, ErrorCode::kUnavailable, "is for CUDA 11.4");
  expect_error(machine, ErrorCode::kUnavailable, "update the driver");
}

TEST(OpenDevice, NoGpu) {
  expect_error({.count_error = cudaErrorNoDevice, .count = 0}, ErrorCode::kUnavailable,
               "the NVIDIA driver shows none");
  expect_error({.count = 0}, ErrorCode::kUnavailable, "the NVIDIA driver shows none");
}

TEST(OpenDevice, ADriverThatFailsIsQuoted) {
  expect_error({.count_error = cudaErrorSystemNotReady, .count = 0}, ErrorCode::kUnavailable,
               cudaGetErrorString(cudaErrorSystemNotReady));
}

TEST(OpenDevice, ADeviceThatDoesNotExist) {
  expect_error({}, ErrorCode::kUnavailable, "cuda:3 does not exist: 1 GPUs are visible", 3);
  expect_error({}, ErrorCode::kUnavailable, "cuda:-1 does not exist", -1);
}

TEST(OpenDevice, AGpuThatIsTooOld) {
  expect_error({.major = 7, .minor = 5}, ErrorCode::kUnsupported, "compute capability 7.5");
}

TEST(OpenDevice, AnArchitectureWithoutCode) {
  for (const cudaError_t error : {cudaErrorNoKernelImageForDevice, cudaErrorUnsupportedPtxVersion,
                                  cudaErrorInvalidDeviceFunction}) {
    expect_error({.major = 11, .code_error = error}, ErrorCode::kUnsupported,
                 "holds no code for NVIDIA Double (compute capability 11.0)");
  }
}

TEST(OpenDevice, AGpuThatDoesNotStart) {
  expect_error({.context_error = cudaErrorMemoryAllocation}, ErrorCode::kTooLarge, "no memory");
  expect_error({.context_error = cudaErrorDevicesUnavailable}, ErrorCode::kUnavailable,
               "exclusive use");
  expect_error({.context_error = cudaErrorECCUncorrectable}, ErrorCode::kUnavailable, "ECC");
  expect_error({.properties_error = cudaErrorUnknown}, ErrorCode::kUnavailable, "does not start");
  expect_error({.code_error = cudaErrorIllegalAddress}, ErrorCode::kUnavailable,
               cudaGetErrorString(cudaErrorIllegalAddress));
}

}  // namespace
}  // namespace monocle::cuda
