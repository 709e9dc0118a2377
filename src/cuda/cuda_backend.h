// SPDX-License-Identifier: Apache-2.0
// The backend seam on one NVIDIA GPU: a stream, kernels of our own, launches recorded and replayed.
// The CUDA runtime is linked statically and the driver opened at run time, so a program with this
// backend starts on a machine without a GPU; make_cuda_backend then says why there is none. One
// thread at a time.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "ops/backend.h"

namespace monocle::cuda {

struct CudaOptions {
  int device = 0;            // as CUDA numbers them, after CUDA_VISIBLE_DEVICES
  bool overlap = true;       // let a kernel start while the one before it ends, where the GPU can
  bool whole_layers = true;  // all decoder layers of a small decode step in one launch, likewise
  // A row's results do not depend, to the bit, on the rows computed with it: every linear layer in
  // one order of its sums, every key in one order. Costs time: ADR 7 says how much.
  bool batch_invariant = false;
};

// kUnavailable: no driver, no GPU, no such device. kUnsupported: a GPU this build has no code for.
Result<std::unique_ptr<Backend>> make_cuda_backend(const CudaOptions& options);

// What the device can do, measured now, in about a quarter of a second: reading memory, and
// arithmetic on data that is already there, two operations per multiply-add.
struct CudaRoof {
  std::string device;
  double read_gb_s = 0;  // 1e9 bytes per second
  double f32_tflop_s = 0;
  double bf16_tflop_s = 0;  // tensor cores, float32 sums
  double int8_top_s = 0;    // tensor cores, int32 sums
};
Result<CudaRoof> measure_roof(const CudaOptions& options);

}  // namespace monocle::cuda
