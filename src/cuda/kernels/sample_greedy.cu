// SPDX-License-Identifier: Apache-2.0
// Greedy sampling: the first maximum of each row of logits and its log-probability, logit -
// log(sum(exp(logits))).
//
// Reads each row once, 4 vocab bytes. Several blocks of 256 threads share a row; the one that
// finishes last joins their records {maximum, its id, sum of exp(logit - maximum)}. NaN counts as
// -inf, +inf as the largest float.
#include <algorithm>
#include <cfloat>
#include <climits>
#include <cmath>

#include "cuda/kernels/common.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;
// Blocks per row: five logits per thread of the usual vocabulary for one row, more where rows are
// many: then joining the blocks' records would take longest.
constexpr int kBlocks = 128;
constexpr int kFewBlocks = 16;
constexpr int kAllBlocks = 512;
constexpr int kMaxRows = 256;
constexpr int kAhead = 8;  // logits of a thread that are asked for together

struct GreedyArgs {
  SampleArgs sample;
  std::int32_t rows[kMaxRows];
  float* scratch;
  std::uint32_t* counters;
  Greedy* out;
};

struct Best {
  float logit;
  int id;
  float mass;  // of exp(. - logit)
};

__device__ inline Best join(const Best& a, const Best& b) {
  const bool first = a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  const Best& top = first ? a : b;
  const Best& low = first ? b : a;
  // -inf - -inf is no number: a part without any logit adds nothing.
  const float share = low.logit == -INFINITY ? 0.0F : low.mass * expf(low.logit - top.logit);
  return {top.logit, top.id, top.mass + share};
}

// One more logit, of a higher id than all before.
__device__ inline void add(Best& best, int id, float raw) {
  const float logit = isnan(raw) ? -INFINITY : fminf(raw, FLT_MAX);
  if (logit > best.logit) {
    best.mass = best.logit == -INFINITY ? 1.0F : best.mass * expf(best.logit - logit) + 1.0F;
    best.logit = logit;
    best.id = id;
  } else if (logit != -INFINITY) {
    best.mass += expf(logit - best.logit);
  }
}

__device__ inline Best block_best(Best mine, Best* room) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    mine = join(mine, {__shfl_xor_sync(0xffffffffU, mine.logit, step),
                       __shfl_xor_sync(0xffffffffU, mine.id, step),
                       __shfl_xor_sync(0xffffffffU, mine.mass, step)});
  }
  if (threadIdx.x % 32 == 0) {
    room[threadIdx.x / 32] = mine;
  }
  __syncthreads();
  Best all = room[0];
  for (int i = 1; i < kThreads / 32; ++i) {
    all = join(all, room[i]);
  }
  return all;
}

__global__ __launch_bounds__(kThreads) void sample_greedy_kernel(
    const __grid_constant__ GreedyArgs a) {
  __shared__ Best room[2][kThreads / 32];
  __shared__ bool last;
  pdl_launch_next();
  pdl_wait();
  const std::int64_t row = a.rows[blockIdx.y];
  const float* logits =
      static_cast<const float*>(a.sample.logits.data) + row * a.sample.logits.row_stride;
  Best mine{-INFINITY, INT_MAX, 0.0F};
  const int stride = static_cast<int>(gridDim.x) * kThreads;
  for (int first = static_cast<int>(blockIdx.x * kThreads + threadIdx.x); first < a.sample.vocab;
       first += kAhead * stride) {
    float raw[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int id = first + i * stride;
      raw[i] = id < a.sample.vocab ? __ldcg(logits + id) : -INFINITY;
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      add(mine, first + i * stride, raw[i]);
    }
  }
  mine = block_best(mine, room[0]);
  auto* records = reinterpret_cast<Best*>(a.scratch) + std::int64_t{blockIdx.y} * gridDim.x;
  if (threadIdx.x == 0) {
    records[blockIdx.x] = mine;
    __threadfence();
    last = atomicAdd(a.counters + blockIdx.y, 1U) == gridDim.x - 1;
  }
  __syncthreads();
  if (!last) {
    return;
  }
  __threadfence();
  Best all{-INFINITY, INT_MAX, 0.0F};
  if (threadIdx.x < gridDim.x) {
    const float* record = reinterpret_cast<const float*>(records + threadIdx.x);
    all = {__ldcg(record), __float_as_int(__ldcg(record + 1)), __ldcg(record + 2)};
  }
  all = block_best(all, room[1]);
  if (threadIdx.x == 0) {
    const bool none = all.logit == -INFINITY;
    a.out[blockIdx.y] = {none ? -1 : all.id, none ? -INFINITY : -logf(all.mass)};
    a.counters[blockIdx.y] = 0;
  }
}

}  // namespace

void sample_greedy(const Launch& at, const SampleArgs& args, const std::int32_t* rows,
                   std::int32_t count, Greedy* out) {
  for (std::int32_t begin = 0; begin < count; begin += kMaxRows) {
    GreedyArgs a{args, {}, at.scratch, at.counters, out + begin};
    const std::int32_t part = count - begin < kMaxRows ? count - begin : kMaxRows;
    for (std::int32_t i = 0; i < part; ++i) {
      a.rows[i] = rows[begin + i];
    }
    const int blocks =
        at.batch_invariant ? kFewBlocks : std::clamp(kAllBlocks / part, kFewBlocks, kBlocks);
    launch(at, sample_greedy_kernel,
           {dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(part)), dim3(kThreads)}, a);
  }
}

}  // namespace monocle::cuda
