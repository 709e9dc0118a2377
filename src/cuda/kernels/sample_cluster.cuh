// SPDX-License-Identifier: Apache-2.0
// Sums, maxima and first positions over a row of logits that the blocks of a cluster share. All of
// it is arithmetic of integers of 64 bits: the results do not depend on who adds what.
#pragma once

#include "cuda/kernels/cluster.cuh"
#include "cuda/kernels/common.cuh"
#include "ops/sampling_mass.h"

namespace monocle::cuda::sampling {

using Wide = unsigned long long;

constexpr int kThreads = 512;
constexpr int kWarps = kThreads / 32;
constexpr int kBinBits = 10;
constexpr int kBins = 1 << kBinBits;
static_assert(kBins == 2 * kThreads && kVanishing < 1U << (3 * kBinBits));

struct Meeting {
  Wide warp[kWarps];
  Wide published[2];    // in turn: a fast block must not overwrite what a slow one still reads
  Wide bins[2][kBins];  // likewise
  Wide before;          // see find_distance()
  Wide here;
  Wide list[kThreads];  // see sample_few.cuh
  int listed;
  int bin;
  int id;  // see find_first()
};

// All threads of all blocks of the cluster.
__device__ inline void meet() {
#if __CUDA_ARCH__ >= 900
  cluster_arrive();
  cluster_wait();
#else
  __syncthreads();
#endif
}

template <class T>
__device__ T* of_peer(T* mine, int rank) {
#if __CUDA_ARCH__ >= 900
  return static_cast<T*>(__cluster_map_shared_rank(mine, static_cast<unsigned>(rank)));
#else
  return mine;
#endif
}

// What a thread knows of its row.
struct Part {
  float* values;  // ids first .. first + count - 1, in shared or device memory
  int first;
  int count;
  int slice;  // ids of every block but the last ones
  int chunk;  // ids of a thread where their order matters; odd: no two threads on one bank
  int rank;
  int blocks;
  int turn;  // of what stands twice in Meeting
  Meeting* meeting;
};

template <bool kMaximum>
__device__ Wide fold(Wide a, Wide b) {
  return kMaximum ? (a > b ? a : b) : a + b;
}

// Of all threads of the cluster, for all of them.
template <bool kMaximum>
__device__ Wide over_cluster(Part& p, Wide mine) {
  Meeting& m = *p.meeting;
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    mine = fold<kMaximum>(mine, __shfl_xor_sync(0xffffffffU, mine, step));
  }
  if (threadIdx.x % 32 == 0) {
    m.warp[threadIdx.x / 32] = mine;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    Wide all = m.warp[0];
    for (int i = 1; i < kWarps; ++i) {
      all = fold<kMaximum>(all, m.warp[i]);
    }
    m.published[p.turn] = all;
  }
  meet();
  Wide all = *of_peer(&m.published[p.turn], 0);
  for (int rank = 1; rank < p.blocks; ++rank) {
    all = fold<kMaximum>(all, *of_peer(&m.published[p.turn], rank));
  }
  p.turn ^= 1;
  return all;
}

// The sum of the threads before this one in the block. A barrier must follow before the next call.
__device__ inline Wide sum_before(Part& p, Wide mine) {
  Meeting& m = *p.meeting;
  Wide through = mine;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const Wide other = __shfl_up_sync(0xffffffffU, through, step);
    through += static_cast<int>(threadIdx.x % 32) >= step ? other : 0;
  }
  if (threadIdx.x % 32 == 31) {
    m.warp[threadIdx.x / 32] = through;
  }
  __syncthreads();
  Wide before = through - mine;
  for (int i = 0; i < static_cast<int>(threadIdx.x / 32); ++i) {
    before += m.warp[i];
  }
  return before;
}

struct Found {
  std::uint32_t distance;  // kVanishing: the sum over everything is less
  Wide before;             // what is nearer weighs
  Wide here;               // what is as near weighs
};

// The distance at which the sum of weight(distance) over the ids, by rising distance, reaches
// `wanted`, which is positive. Three rounds of ten bits each.
template <class Distance, class Weight>
__device__ Found find_distance(Part& p, Wide wanted, Distance distance, Weight weight) {
  Meeting& m = *p.meeting;
  std::uint32_t prefix = 0;
  Found found{kVanishing, 0, 0};
  for (int shift = 2 * kBinBits; shift >= 0; shift -= kBinBits) {
    Wide* bins = m.bins[p.turn];
    bins[threadIdx.x] = 0;
    bins[threadIdx.x + kThreads] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < p.count; i += kThreads) {
      const std::uint32_t d = distance(i);
      if (d < kVanishing && d >> shift >> kBinBits == prefix) {
        atomicAdd(&bins[(d >> shift) % kBins], static_cast<Wide>(weight(d)));
      }
    }
    if (threadIdx.x == 0) {
      m.bin = -1;
    }
    meet();
    p.turn ^= 1;
    Wide low = 0;
    Wide high = 0;
    for (int rank = 0; rank < p.blocks; ++rank) {
      const Wide* theirs = of_peer(bins, rank);
      low += theirs[2 * threadIdx.x];
      high += theirs[2 * threadIdx.x + 1];
    }
    const Wide before = found.before + sum_before(p, low + high);
    if (before < wanted && wanted <= before + low + high) {
      const bool in_low = wanted <= before + low;
      m.bin = static_cast<int>(2 * threadIdx.x) + (in_low ? 0 : 1);
      m.before = in_low ? before : before + low;
      m.here = in_low ? low : high;
    }
    __syncthreads();
    if (m.bin < 0) {
      return found;
    }
    prefix = prefix << kBinBits | static_cast<std::uint32_t>(m.bin);
    found.before = m.before;
    found.here = m.here;
    __syncthreads();
  }
  found.distance = prefix;
  return found;
}

// Sums of weight(i) over the ids: of those before this thread's chunk, of the chunk, of all.
struct Through {
  Wide before;
  Wide mine;
  Wide total;
};
template <class Weight>
__device__ Through add_in_order(Part& p, Weight weight) {
  Meeting& m = *p.meeting;
  const int begin = static_cast<int>(threadIdx.x) * p.chunk;
  const int end = min(begin + p.chunk, p.count);
  Wide mine = 0;
  for (int i = begin; i < end; ++i) {
    mine += weight(i);
  }
  const Wide before = sum_before(p, mine);
  if (threadIdx.x == kThreads - 1) {
    m.published[p.turn] = before + mine;
  }
  meet();
  Through out{before, mine, 0};
  for (int rank = 0; rank < p.blocks; ++rank) {
    const Wide theirs = *of_peer(&m.published[p.turn], rank);
    out.before += rank < p.rank ? theirs : 0;
    out.total += theirs;
  }
  p.turn ^= 1;
  return out;
}

// The first place in this thread's chunk whose sum exceeds `point`; -1: it lies elsewhere.
template <class Weight>
__device__ int find_first(const Part& p, const Through& through, Wide point, Weight weight) {
  if (point < through.before || point >= through.before + through.mine) {
    return -1;
  }
  Wide sum = through.before;
  int i = static_cast<int>(threadIdx.x) * p.chunk;
  while ((sum += weight(i)) <= point) {
    ++i;
  }
  return i;
}

}  // namespace monocle::cuda::sampling
