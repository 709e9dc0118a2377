// SPDX-License-Identifier: Apache-2.0
// Kernels that do nothing but one kind of arithmetic, on data that is already there: what a
// multiprocessor can do at most.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace monocle::cuda {

enum class Arithmetic : std::uint8_t {
  kF32,   // fused multiply-adds
  kBF16,  // tensor cores, float32 sums
  kInt8,  // tensor cores, int32 sums
};

// Enqueues about five milliseconds of it; returns how many operations, two per multiply-add.
// sm90: the code for compute capability 9.0 may run.
double enqueue_arithmetic(const Launch& at, Arithmetic kind, bool sm90);

}  // namespace monocle::cuda
