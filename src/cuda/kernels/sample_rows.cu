// SPDX-License-Identifier: Apache-2.0
// Everything a row of sampling parameters can ask, as ops/sampling.h defines it, with the same
// token.
//
// A row belongs to a cluster of eight blocks of 512 threads, which hold its logits in shared memory
// and read them once, 4 vocab bytes. Penalties and bias are scattered over them; mask and best
// logit come in one pass. top_k and top_p look for the distance where a count or a mass is reached,
// through 1,024 bins per round; the draw adds up masses in the order of ids. Without clusters one
// block does it all on the logits in device memory: slower, but nothing leaves the device.
#include <cfloat>
#include <climits>
#include <cmath>

#include "cuda/kernels/kernels.h"
#include "cuda/kernels/sample_cluster.cuh"
#include "cuda/kernels/sample_few.cuh"

namespace monocle::cuda {
namespace {

using namespace sampling;

constexpr int kBlocks = 8;
constexpr std::size_t kMostHeld = std::size_t{160} << 10;  // bytes of a block's part of a row

struct RowsArgs {
  const float* logits;
  std::int64_t stride;
  int vocab;
  int slice;  // ids of a block, a multiple of 32
  const DrawRow* rows;
};

// Host memory is read past every cache: it changes from one launch to the next.
template <class T>
__device__ T from_host(const T* pointer) {
  static_assert(sizeof(T) % 4 == 0);
  T out;
  auto* words = reinterpret_cast<std::uint32_t*>(&out);
  for (unsigned i = 0; i < sizeof(T) / 4; ++i) {
    words[i] = __ldcv(reinterpret_cast<const std::uint32_t*>(pointer) + i);
  }
  return out;
}

// Larger logit first, then lower id; 0 is less than everything.
__device__ inline Wide key_of(float logit, int id) {
  const std::uint32_t bits = __float_as_uint(logit);
  const std::uint32_t order = (bits >> 31) != 0 ? ~bits : bits | 0x80000000U;
  return static_cast<Wide>(order) << 32 | (0xffffffffU - static_cast<std::uint32_t>(id));
}
__device__ inline float logit_of(Wide key) {
  const auto order = static_cast<std::uint32_t>(key >> 32);
  return __uint_as_float((order >> 31) != 0 ? order & 0x7fffffffU : ~order);
}
__device__ inline int id_of(Wide key) {
  return static_cast<int>(0xffffffffU - static_cast<std::uint32_t>(key));
}

template <bool kHeld>
__device__ float value_at(const Part& p, int i) {
  return kHeld ? p.values[i] : __ldcg(p.values + i);
}

// Every operation is rounded by itself, as on the host.
__device__ void adjust(const Part& p, const DrawRow& row) {
  for (int e = threadIdx.x; e < row.seen_count; e += kThreads) {
    const TokenCount token = from_host(row.seen + e);
    const int i = token.id - p.first;
    if (token.id < 0 || i < 0 || i >= p.count) {
      continue;
    }
    float logit = p.values[i];
    logit = logit > 0.0F ? __fdiv_rn(logit, row.repetition) : __fmul_rn(logit, row.repetition);
    if (token.generated > 0) {
      const float frequency = __fmul_rn(row.frequency, static_cast<float>(token.generated));
      logit = __fsub_rn(logit, __fadd_rn(row.presence, frequency));
    }
    p.values[i] = logit;
  }
  __syncthreads();
  for (int e = threadIdx.x; e < row.bias_count; e += kThreads) {
    const LogitBias bias = from_host(row.bias + e);
    const int i = bias.id - p.first;
    if (bias.id >= 0 && i >= 0 && i < p.count) {
      p.values[i] = __fadd_rn(p.values[i], bias.value);
    }
  }
  __syncthreads();
}

// Leaves finite numbers or -inf, and finds the best of them.
template <bool kHeld>
__device__ Wide mask_and_best(Part& p, const DrawRow& row) {
  Wide best = 0;
  for (int i = threadIdx.x; i < p.count; i += kThreads) {
    const int id = p.first + i;
    float logit = value_at<kHeld>(p, i);
    // -0 becomes 0: both are one logit.
    logit = isnan(logit) ? -INFINITY : fminf(logit, FLT_MAX) + 0.0F;
    if (row.allowed != nullptr && (from_host(row.allowed + id / 32) >> (id % 32) & 1U) == 0) {
      logit = -INFINITY;
    }
    p.values[i] = logit;
    best = fold<true>(best, key_of(logit, id));
  }
  return over_cluster<true>(p, best);
}

template <bool kHeld>
__device__ Wide best_below(const Part& p, Wide bar) {
  Wide best = 0;
  for (int i = threadIdx.x; i < p.count; i += kThreads) {
    const Wide key = key_of(value_at<kHeld>(p, i), p.first + i);
    best = key < bar ? fold<true>(best, key) : best;
  }
  return best;
}

// The most likely tokens, one after the other: only the thread whose token was taken looks for its
// next.
template <bool kHeld>
__device__ void report_top(Part& p, const DrawRow& row, float best, float log_sum) {
  Wide mine = row.top_logprobs > 0 ? best_below<kHeld>(p, ~Wide{0}) : 0;
  int count = 0;
  for (; count < row.top_logprobs; ++count) {
    const Wide top = over_cluster<true>(p, mine);
    if (top == 0 || logit_of(top) == -INFINITY) {
      break;
    }
    if (p.rank == 0 && threadIdx.x == 0) {
      row.out->top[static_cast<std::size_t>(count)] = {id_of(top), logit_of(top) - best - log_sum};
    }
    mine = mine == top ? best_below<kHeld>(p, top) : mine;
  }
  if (p.rank == 0 && threadIdx.x == 0) {
    row.out->top_count = count;
  }
}

// Tokens nearer than `distance`, and of those as near the ones with ids up to `id`, are kept.
struct Cutoff {
  std::uint32_t distance = kVanishing;
  int id = INT_MAX;
};

template <class Distance>
__device__ Cutoff find_cutoff(Part& p, const DrawRow& row, int vocab, Distance distance) {
  Cutoff cut;
  Wide ties = 0;  // of the tokens at the cutoff, so many are kept
  Wide all = 0;   // and so many are there
  if (row.top_k > 0 && row.top_k < vocab) {
    const Found found = find_distance(p, static_cast<Wide>(row.top_k), distance,
                                      [](std::uint32_t) { return std::uint64_t{1}; });
    cut.distance = found.distance;
    ties = static_cast<Wide>(row.top_k) - found.before;
    all = found.here;
  }
  if (row.top_p < kWhole) {
    Wide mass = 0;
    for (int i = threadIdx.x; i < p.count; i += kThreads) {
      const std::uint32_t d = distance(i);
      mass += d < cut.distance ? mass_of(d) : 0;
    }
    mass = over_cluster<false>(p, mass) + ties * mass_of(cut.distance);
    const Wide share_of_it = share(row.top_p, mass);
    const Wide wanted = share_of_it > 0 ? share_of_it : 1;
    const Found found =
        find_distance(p, wanted, distance, [](std::uint32_t d) { return mass_of(d); });
    const Wide each = mass_of(found.distance);
    cut.distance = found.distance;
    ties = (wanted - found.before + each - 1) / each;
    all = found.here / each;
  }
  if (cut.distance < kVanishing && ties < all) {
    const auto here = [&](int i) { return distance(i) == cut.distance ? Wide{1} : Wide{0}; };
    const Through through = add_in_order(p, here);
    const int last = find_first(p, through, ties - 1, here);
    if (last >= 0) {
      for (int rank = 0; rank < p.blocks; ++rank) {
        *of_peer(&p.meeting->id, rank) = p.first + last;
      }
    }
    meet();
    cut.id = p.meeting->id;
  }
  return cut;
}

// The thread that finds the token writes it.
template <bool kHeld>
__device__ void draw(Part& p, const DrawRow& row, int vocab, float best, float log_sum) {
  const auto distance = [&](int i) { return distance_of(value_at<kHeld>(p, i), best, row.scale); };
  int id = -1;
  if (row.top_k > 0 && row.top_k <= kFew && draw_few(p, row, distance, id)) {
    if (id >= 0) {
      const int rank = id / p.slice;
      const int at = id - rank * p.slice;
      row.out->id = id;
      row.out->logprob =
          (kHeld ? *of_peer(p.values + at, rank) : __ldcg(p.values + at)) - best - log_sum;
    }
    return;
  }
  const Cutoff cut = find_cutoff(p, row, vocab, distance);
  const auto kept = [&](int i) {
    const std::uint32_t d = distance(i);
    if (d > cut.distance || (d == cut.distance && p.first + i > cut.id)) {
      return Wide{0};
    }
    const Wide mass = mass_of(d);
    return mass >= row.least ? mass : 0;
  };
  const Through through = add_in_order(p, kept);
  const int i = find_first(p, through, share(row.bits, through.total), kept);
  if (i >= 0) {
    row.out->id = p.first + i;
    row.out->logprob = value_at<kHeld>(p, i) - best - log_sum;
  }
}

template <bool kHeld>
__global__ __launch_bounds__(kThreads) void sample_rows_kernel(const __grid_constant__ RowsArgs a) {
  extern __shared__ float held[];
  __shared__ Meeting meeting;
  __shared__ DrawRow row;
  pdl_launch_next();
  pdl_wait();
  if (threadIdx.x < sizeof(DrawRow) / 4) {
    reinterpret_cast<std::uint32_t*>(&row)[threadIdx.x] =
        __ldcv(reinterpret_cast<const std::uint32_t*>(a.rows + blockIdx.y) + threadIdx.x);
  }
  if (threadIdx.x == 0) {
    meeting.listed = 0;
  }
  __syncthreads();
  const int first = static_cast<int>(blockIdx.x) * a.slice;
  const float* logits = a.logits + row.row * a.stride + first;
  Part p{kHeld ? held : const_cast<float*>(logits),
         first,
         max(0, min(a.slice, a.vocab - first)),
         a.slice,
         (a.slice + kThreads - 1) / kThreads | 1,
         static_cast<int>(blockIdx.x),
         static_cast<int>(gridDim.x),
         0,
         &meeting};
  if (kHeld) {
#pragma unroll 8
    for (int i = threadIdx.x; i < p.count; i += kThreads) {
      held[i] = __ldcg(logits + i);
    }
    __syncthreads();
  }
  adjust(p, row);
  const Wide top = mask_and_best<kHeld>(p, row);
  const float best = logit_of(top);
  if (best == -INFINITY) {
    if (p.rank == 0 && threadIdx.x == 0) {
      row.out->id = -1;
      row.out->logprob = -INFINITY;
      row.out->top_count = 0;
    }
    meet();
    return;
  }
  // The threads' sums have a fixed order, and become integers before they meet.
  float mine = 0.0F;
  for (int i = threadIdx.x; i < p.count; i += kThreads) {
    mine += __expf(value_at<kHeld>(p, i) - best);
  }
  const Wide sum = over_cluster<false>(p, static_cast<Wide>(mine * 0x1p40F));
  const float log_sum = logf(static_cast<float>(sum) * 0x1p-40F);
  report_top<kHeld>(p, row, best, log_sum);
  if (row.scale > 0.0F) {
    draw<kHeld>(p, row, a.vocab, best, log_sum);
  } else if (p.rank == 0 && threadIdx.x == 0) {
    row.out->id = id_of(top);
    row.out->logprob = -log_sum;
  }
  meet();  // the others may still read this block's memory
}

}  // namespace

void sample_rows(const Launch& at, const SampleArgs& args, const DrawRow* rows,
                 std::int32_t count) {
  const auto slice_of = [&](int blocks) {
    return ((args.vocab + blocks - 1) / blocks + 31) / 32 * 32;
  };
  const std::size_t bytes = static_cast<std::size_t>(slice_of(kBlocks)) * sizeof(float);
  const bool holds = at.clusters && bytes <= kMostHeld;
  const int blocks = holds ? kBlocks : 1;
  const RowsArgs a{static_cast<const float*>(args.logits.data), args.logits.row_stride, args.vocab,
                   slice_of(blocks), rows};
  const dim3 grid(static_cast<unsigned>(blocks), static_cast<unsigned>(count));
  if (holds) {
    allow_shared(sample_rows_kernel<true>, bytes);
    launch(at, sample_rows_kernel<true>, {grid, dim3(kThreads), bytes, kBlocks}, a);
  } else {
    launch(at, sample_rows_kernel<false>, {grid, dim3(kThreads)}, a);
  }
}

}  // namespace monocle::cuda
