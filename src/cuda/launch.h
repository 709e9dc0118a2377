// SPDX-License-Identifier: Apache-2.0
// What every kernel launcher needs of the device, and the scratch memory that kernels share.
// Scratch holds partial results between the blocks of one launch; the next launch may overwrite it.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace monocle::cuda {

struct Launch {
  cudaStream_t stream = nullptr;
  int multiprocessors = 0;
  // Whether a kernel may start before its predecessor ends (compute capability 9 and later). Every
  // kernel then waits itself, by pdl_wait(), before it touches anything a kernel writes.
  bool overlap = false;
  bool clusters = false;  // whether blocks can read each other's shared memory, likewise
  // Sums are divided without regard to how many rows there are (CudaOptions::batch_invariant).
  bool batch_invariant = false;
  float* scratch = nullptr;
  std::size_t scratch_floats = 0;
  std::int8_t* int8_rows = nullptr;   // [kInt8RowBytes], of 4-bit groups for the next launch
  std::uint32_t* counters = nullptr;  // [kCounters], all zero between launches
};

inline constexpr std::size_t kCounters = 8192;
// For the widest layer of the 2B model; of larger ones a layer takes several turns.
inline constexpr std::size_t kInt8RowBytes = std::size_t{32} << 20;
inline constexpr std::size_t kScratchFloats = std::size_t{16} << 20;

}  // namespace monocle::cuda
