// SPDX-License-Identifier: Apache-2.0
// A barrier of all blocks of a launch, which must all be running. Two halves: between them a block
// may do what depends on no other.
#pragma once

#include "cuda/kernels/common.cuh"

namespace monocle::cuda {

struct GridBarrier {
  std::uint32_t*
      count;  // [0]: arrivals at all barriers so far, [1]: blocks that need none any more
  std::uint32_t target = 0;

  // What any thread of the block stored to global memory before, all blocks see after the wait.
  __device__ void arrive() {
    target += gridDim.x;
    __syncthreads();
    if (threadIdx.x == 0) {
      asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(count) : "memory");
    }
  }
  __device__ void wait() const {
    if (threadIdx.x == 0) {
      std::uint32_t seen = 0;
      do {
        asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(seen) : "l"(count) : "memory");
      } while (seen < target);
    }
    __syncthreads();
  }
  // Behind the last wait: the last block to come leaves the counters as it found them.
  __device__ void leave() const {
    if (threadIdx.x == 0 && atomicAdd(count + 1, 1U) == gridDim.x - 1) {
      count[0] = 0;
      count[1] = 0;
    }
  }
};

}  // namespace monocle::cuda
