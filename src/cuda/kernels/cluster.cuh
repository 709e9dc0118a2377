// SPDX-License-Identifier: Apache-2.0
// Blocks of a cluster and each other's shared memory (compute capability 9). On older devices every
// block is a cluster of its own, and a meeting is a barrier of the block.
#pragma once

#include "cuda/kernels/linear_rows.cuh"

namespace monocle::cuda {

// All threads of all blocks. What a thread stored to shared memory before its arrival, the others
// see after the wait. (A barrier of the block before a relaxed arrival is not enough: it orders
// stores for the block's own threads, and reads from other multiprocessors overtook them now and
// then.) A block must not exit while others may still read its memory.
__device__ inline void cluster_arrive() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}
// An arrival that says only that this thread has read what it wanted: it need not wait for stores
// that are under way.
__device__ inline void cluster_arrive_read() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory");
#endif
}
__device__ inline void cluster_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#endif
}

// What lies at the same place as `mine` in the shared memory of block `rank`.
__device__ inline float load_peer(const float* mine, int rank) {
#if __CUDA_ARCH__ >= 900
  std::uint32_t address = 0;
  float value = 0.0F;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;"
               : "=r"(address)
               : "r"(shared_address(mine)), "r"(rank));
  asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(value) : "r"(address) : "memory");
  return value;
#else
  return *mine;
#endif
}

}  // namespace monocle::cuda
