// SPDX-License-Identifier: Apache-2.0
// Draws with a small top_k, which are the usual ones: the nearest tokens are counted into bins
// once, listed in the first block of the cluster, and sorted there by comparing each with each.
#pragma once

#include "cuda/kernels/kernels.h"
#include "cuda/kernels/sample_cluster.cuh"

namespace monocle::cuda::sampling {

constexpr int kFew = kThreads;  // a thread each

struct Nearest {
  std::uint32_t limit;  // all tokens nearer than this
  Wide count;           // and so many are they
};

// The smallest set of whole bins that has `wanted` tokens, or all of them.
template <class Distance>
__device__ Nearest nearest_bins(Part& p, Wide wanted, Distance distance) {
  constexpr int kShift = 2 * kBinBits;
  Meeting& m = *p.meeting;
  auto* bins = reinterpret_cast<std::uint32_t*>(m.bins[p.turn]);
  bins[threadIdx.x] = 0;
  bins[threadIdx.x + kThreads] = 0;
  __syncthreads();
  for (int i = threadIdx.x; i < p.count; i += kThreads) {
    const std::uint32_t d = distance(i);
    if (d < kVanishing) {
      atomicAdd(&bins[d >> kShift], 1U);
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
    const uint2 theirs = reinterpret_cast<const uint2*>(of_peer(bins, rank))[threadIdx.x];
    low += theirs.x;
    high += theirs.y;
  }
  const Wide before = sum_before(p, low + high);
  const Wide through = before + low + high;
  if (before < wanted && wanted <= through) {
    const bool in_low = wanted <= before + low;
    m.bin = static_cast<int>(2 * threadIdx.x) + (in_low ? 0 : 1);
    m.before = in_low ? before + low : through;
  }
  if (threadIdx.x == kThreads - 1) {
    m.here = through;
  }
  __syncthreads();
  const int bin = m.bin;
  const Nearest out{bin < 0 ? kVanishing : static_cast<std::uint32_t>(bin + 1) << kShift,
                    bin < 0 ? m.here : m.before};
  __syncthreads();
  return out;
}

// Sums of the threads' values: before this one, and of all.
struct BlockSum {
  Wide before;
  Wide total;
};
__device__ inline BlockSum add_in_block(Part& p, Wide mine) {
  const Wide before = sum_before(p, mine);
  if (threadIdx.x == kThreads - 1) {
    p.meeting->here = before + mine;
  }
  __syncthreads();
  const BlockSum out{before, p.meeting->here};
  __syncthreads();
  return out;
}

// In one block, of the tokens in its list: the id that is drawn, in the one thread that finds it,
// else -1.
__device__ inline int draw_listed(Part& p, const DrawRow& row) {
  Meeting& m = *p.meeting;
  const int me = static_cast<int>(threadIdx.x);
  const int count = m.listed;
  const Wide rank = me < count ? m.list[me] : ~Wide{0};
  int nearer = 0;
  int lower = 0;
  for (int i = 0; i < count; ++i) {
    const Wide other = m.list[i];
    nearer += other < rank ? 1 : 0;
    lower += static_cast<std::uint32_t>(other) < static_cast<std::uint32_t>(rank) ? 1 : 0;
  }
  const bool in_count = me < count && nearer < row.top_k;
  const Wide mass = in_count ? mass_of(static_cast<std::uint32_t>(rank >> 32)) : 0;
  Wide* nearest_first = m.bins[0];
  Wide* by_id = m.bins[0] + kThreads;
  Wide* ids = m.bins[1];
  nearest_first[me] = 0;
  by_id[me] = 0;
  if (me == 0) {
    m.bin = kFew;
  }
  __syncthreads();
  if (in_count) {
    nearest_first[nearer] = mass;
  }
  __syncthreads();
  if (row.top_p < kWhole) {
    const BlockSum sum = add_in_block(p, nearest_first[me]);
    const Wide share_of_it = share(row.top_p, sum.total);
    const Wide wanted = share_of_it > 0 ? share_of_it : 1;
    if (sum.before < wanted && wanted <= sum.before + nearest_first[me]) {
      m.bin = me;
    }
    __syncthreads();
  }
  if (in_count && nearer <= m.bin) {
    by_id[lower] = mass >= row.least ? mass : 0;
    ids[lower] = static_cast<std::uint32_t>(rank);
  }
  __syncthreads();
  const BlockSum sum = add_in_block(p, by_id[me]);
  const Wide point = share(row.bits, sum.total);
  const bool hit = sum.before <= point && point < sum.before + by_id[me];
  return hit ? static_cast<int>(ids[me]) : -1;
}

// False: there are too many candidates, and nothing was drawn; the same in all blocks. `id` is that
// of the drawn token in the one thread that knows it, else -1.
template <class Distance>
__device__ bool draw_few(Part& p, const DrawRow& row, Distance distance, int& id) {
  Meeting& m = *p.meeting;
  const Nearest nearest = nearest_bins(p, static_cast<Wide>(row.top_k), distance);
  if (nearest.count > kFew) {
    return false;
  }
  for (int i = threadIdx.x; i < p.count; i += kThreads) {
    const std::uint32_t d = distance(i);
    if (d < nearest.limit) {
      const int place = atomicAdd(of_peer(&m.listed, 0), 1);
      *of_peer(&m.list[place], 0) = rank_of(d, p.first + i);
    }
  }
  meet();
  id = p.rank == 0 ? draw_listed(p, row) : -1;
  return true;
}

}  // namespace monocle::cuda::sampling
