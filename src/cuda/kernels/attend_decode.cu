// SPDX-License-Identifier: Apache-2.0
// attend_paged for single queries: y = sum_p softmax(scale q k_p) v_p over the cached keys a query
// sees.
//
// Reads every visible key and value once: 2 size(kv) D bytes per key and kv head, shared by the G
// query heads of the group. Blocks of 4 warps: blockIdx.x = query row (or sequence, see
// singles_only), .y = kv head (times chunks of kGroup query heads), .z = split of the keys. A warp
// takes 8 keys at a time, two per load instruction: 16 lanes hold one row of D channels, 16 bytes
// or more each; keys and values are loaded together. Scores and sums are float32 with a running
// maximum. Partial results of warps meet in shared memory, those of splits in scratch, where the
// block that finishes last adds them in order. The grid depends on the number of rows only, never
// on the lengths, so that a recorded launch fits any step.
#include "cuda/kernels/attend_splits.cuh"
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/kv_int8.cuh"

namespace monocle::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kThreads = 32 * kWarps;
// Keys of a warp at a time: at least one load of the whole warp.
template <int kD>
inline constexpr int kKeys = kD >= 32 ? 8 : 256 / kD;

template <class Kv>
__device__ inline float exponential(float x) {
  return sizeof(Kv) == 4 ? expf(x) : __expf(x);  // exact where the cache is
}

// What one lane knows of a group of query heads: 8 channels, over the keys of its lane group.
template <int kGroup>
struct State {
  float q[kGroup][8];
  float sum[kGroup][8];
  float best[kGroup];
  float mass[kGroup];
};

template <class Kv, int kD, int kGroup>
__device__ inline void attend_keys(const AttendPagedArgs& a, const Visible& seen, int kv_head,
                                   int first, int end, State<kGroup>& s) {
  constexpr int kLanes = kD / 8;  // per key
  constexpr int kPerLoad = 32 / kLanes;
  constexpr int kLoads = kKeys<kD> / kPerLoad;
  const int lane = static_cast<int>(threadIdx.x % 32);
  float k[kLoads][8];
  float v[kLoads][8];
  bool inside[kLoads];
#pragma unroll
  for (int i = 0; i < kLoads; ++i) {
    const int index = first + i * kPerLoad + lane / kLanes;
    inside[i] = index < end;
    const int position = inside[i] ? seen.position(index) : 0;
    const int block = inside[i]
                          ? __ldcg(a.block_table + std::int64_t{seen.sequence} * a.max_blocks +
                                   position / a.kv.block_tokens)
                          : -1;
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      k[i][c] = v[i][c] = 0.0F;
    }
    if (block >= 0) {
      const std::int64_t row = (std::int64_t{block} * a.kv.kv_heads + kv_head) * a.kv.block_tokens +
                               position % a.kv.block_tokens;
      load8(static_cast<const Kv*>(a.kv.k) + row * kD + lane % kLanes * 8, k[i]);
      load8(static_cast<const Kv*>(a.kv.v) + row * kD + lane % kLanes * 8, v[i]);
      if constexpr (sizeof(Kv) == 1) {
        const float k_scale = __ldcg(a.kv.k_scale + row);
        const float v_scale = __ldcg(a.kv.v_scale + row);
#pragma unroll
        for (int c = 0; c < 8; ++c) {
          k[i][c] *= k_scale;
          v[i][c] *= v_scale;
        }
      }
    }
  }
#pragma unroll
  for (int h = 0; h < kGroup; ++h) {
    float score[kLoads];
    float best = s.best[h];
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      float dot = 0.0F;
#pragma unroll
      for (int c = 0; c < 8; ++c) {
        dot += s.q[h][c] * k[i][c];
      }
#pragma unroll
      for (int step = 1; step < kLanes; step *= 2) {
        dot += __shfl_xor_sync(0xffffffffU, dot, step);
      }
      score[i] = inside[i] ? dot : kNever;
      best = fmaxf(best, score[i]);
    }
    const float decay = exponential<Kv>(s.best[h] - best);
    s.best[h] = best;
    s.mass[h] *= decay;
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      s.sum[h][c] *= decay;
    }
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const float p = inside[i] ? exponential<Kv>(score[i] - best) : 0.0F;
      s.mass[h] += p;
#pragma unroll
      for (int c = 0; c < 8; ++c) {
        s.sum[h][c] += p * v[i][c];
      }
    }
  }
}

// Adds the lane groups of a warp; every lane then holds its channels' total.
template <int kD, int kGroup>
__device__ inline void join_lanes(State<kGroup>& s) {
#pragma unroll
  for (int step = kD / 8; step < 32; step *= 2) {
#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
      const float other = __shfl_xor_sync(0xffffffffU, s.best[h], step);
      const float best = fmaxf(s.best[h], other);
      const float mine = expf(s.best[h] - best);
      const float theirs = expf(other - best);
      s.best[h] = best;
      s.mass[h] = s.mass[h] * mine + __shfl_xor_sync(0xffffffffU, s.mass[h], step) * theirs;
#pragma unroll
      for (int c = 0; c < 8; ++c) {
        s.sum[h][c] = s.sum[h][c] * mine + __shfl_xor_sync(0xffffffffU, s.sum[h][c], step) * theirs;
      }
    }
  }
}

template <class Kv, int kD, int kGroup>
__global__ __launch_bounds__(kThreads) void attend_decode_kernel(
    const __grid_constant__ DecodeArgs args) {
  constexpr int kRecord = kD + 2;
  __shared__ float room[kWarps][kGroup][kRecord];
  __shared__ bool last;
  const AttendPagedArgs& a = args.attend;
  pdl_launch_next();
  pdl_wait();
  const int row = query_row(a, static_cast<int>(blockIdx.x), args.singles_only);
  if (row < 0) {
    return;
  }
  const Visible seen = find_visible(a, row);
  const int splits = static_cast<int>(gridDim.z);
  constexpr int kRound = kWarps * kKeys<kD>;
  const int per_split = ((seen.count + splits - 1) / splits + kRound - 1) / kRound * kRound;
  const int begin = static_cast<int>(blockIdx.z) * per_split;
  const int end = begin + per_split < seen.count ? begin + per_split : seen.count;
  if (begin >= end) {
    return;
  }
  const int group = a.heads / a.kv.kv_heads;
  const int kv_head = static_cast<int>(blockIdx.y) % a.kv.kv_heads;
  const int first_head = static_cast<int>(blockIdx.y) / a.kv.kv_heads * kGroup;  // within the group
  const int heads = group - first_head < kGroup ? group - first_head : kGroup;
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int head0 = kv_head * group + first_head;

  State<kGroup> s;
#pragma unroll
  for (int h = 0; h < kGroup; ++h) {
    s.best[h] = kNever;
    s.mass[h] = 0.0F;
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      const std::int64_t at = row * a.q.row_stride + (head0 + h) * kD + lane % (kD / 8) * 8 + c;
      s.q[h][c] = h < heads ? a.scale * load(a.q.data, a.q.dtype, at) : 0.0F;
      s.sum[h][c] = 0.0F;
    }
  }
  for (int first = begin + warp * kKeys<kD>; first < end; first += kRound) {
    attend_keys<Kv, kD, kGroup>(a, seen, kv_head, first, end, s);
  }
  join_lanes<kD>(s);
#pragma unroll
  for (int h = 0; h < kGroup; ++h) {
    if (lane < kD / 8) {
      room[warp][h][0] = s.best[h];
      room[warp][h][1] = s.mass[h];
#pragma unroll
      for (int c = 0; c < 8; ++c) {
        room[warp][h][2 + lane * 8 + c] = s.sum[h][c];
      }
    }
  }
  __syncthreads();

  const int active = (seen.count + per_split - 1) / per_split;
  const std::int64_t item = std::int64_t{blockIdx.x} * gridDim.y + blockIdx.y;
  float* record = args.scratch + (item * splits + blockIdx.z) * kGroup * kRecord;
  const int c = static_cast<int>(threadIdx.x);
  for (int h = 0; h < heads && c < kD; ++h) {
    float best = kNever;
    for (int w = 0; w < kWarps; ++w) {
      best = fmaxf(best, room[w][h][0]);
    }
    float mass = 0.0F;
    float sum = 0.0F;
    for (int w = 0; w < kWarps; ++w) {
      const float scale = expf(room[w][h][0] - best);
      mass += scale * room[w][h][1];
      sum += scale * room[w][h][2 + c];
    }
    if (active == 1) {
      store(a.y.data, a.y.dtype, row * a.y.row_stride + (head0 + h) * kD + c, sum / mass);
      continue;
    }
    if (c == 0) {
      __stcg(record + h * kRecord, best);
      __stcg(record + h * kRecord + 1, mass);
    }
    __stcg(record + h * kRecord + 2 + c, sum);
  }
  if (active == 1) {
    return;
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(args.counters + item, 1U) == static_cast<unsigned>(active) - 1;
  }
  __syncthreads();
  if (!last) {
    return;
  }
  __threadfence();
  for (int h = 0; h < heads; ++h) {
    const float value = join_parts(args.scratch + (item * splits * kGroup + h) * kRecord, active,
                                   kGroup * kRecord, c < kD ? c : 0);
    if (c < kD) {
      store(a.y.data, a.y.dtype, row * a.y.row_stride + (head0 + h) * kD + c, value);
    }
  }
  if (threadIdx.x == 0) {
    args.counters[item] = 0;
  }
}

template <class Kv, int kD, int kGroup>
void launch_decode(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  const std::int64_t rows =
      singles_only ? static_cast<std::int64_t>(args.context.size()) : args.q.rows;
  const std::int64_t group = args.heads / args.kv.kv_heads;
  const std::int64_t columns = args.kv.kv_heads * ((group + kGroup - 1) / kGroup);
  const std::int64_t items = rows * columns;
  std::int64_t splits = (2 * at.multiprocessors + items - 1) / items;
  splits = splits < 32 ? splits : 32;
  const std::int64_t room =
      static_cast<std::int64_t>(at.scratch_floats) / (items * kGroup * (kD + 2));
  splits = splits < room ? splits : room;
  splits =
      items > static_cast<std::int64_t>(kCounters) || splits < 1 || at.batch_invariant ? 1 : splits;
  const DecodeArgs a{args, at.scratch, at.counters, singles_only};
  launch(at, attend_decode_kernel<Kv, kD, kGroup>,
         {dim3(static_cast<unsigned>(rows), static_cast<unsigned>(columns),
               static_cast<unsigned>(splits)),
          dim3(kThreads)},
         a);
}

template <class Kv, int kD>
void choose_group(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  const int group = args.heads / args.kv.kv_heads;
  if (group <= 2) {
    launch_decode<Kv, kD, 2>(at, args, singles_only);
  } else {
    launch_decode<Kv, kD, 4>(at, args, singles_only);
  }
}

template <class Kv>
void choose_size(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  switch (args.kv.head_dim) {
    case 16:
      return launch_decode<Kv, 16, 4>(at, args, singles_only);
    case 32:
      return launch_decode<Kv, 32, 4>(at, args, singles_only);
    case 64:
      return choose_group<Kv, 64>(at, args, singles_only);
    default:
      MONOCLE_CHECK(args.kv.head_dim == 128);
      return choose_group<Kv, 128>(at, args, singles_only);
  }
}

}  // namespace

void attend_decode(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  if (args.q.rows == 0) {
    return;
  }
  switch (args.kv.dtype) {
    case DType::kF32:
      return choose_size<float>(at, args, singles_only);
    case DType::kI8:
      return choose_size<std::int8_t>(at, args, singles_only);
    default:
      return choose_size<std::uint16_t>(at, args, singles_only);
  }
}

}  // namespace monocle::cuda
