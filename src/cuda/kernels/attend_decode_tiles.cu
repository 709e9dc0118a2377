// SPDX-License-Identifier: Apache-2.0
// attend_paged for single queries in bf16: y = sum_p softmax(scale q k_p) v_p, all query heads of a
// group together.
//
// Reads every visible key and value once: 4 D bytes per key and kv head. blockIdx.x = query row, .y
// = kv head, .z = split of the keys. A block of 4 warps brings 64 keys and values at a time into
// shared memory, two stages, by asynchronous 16-byte copies: 32 KB in flight for D = 128. A warp
// takes 16 of the 64 keys; the products run on the tensor cores with the group's query heads as (up
// to 8) rows, since scalar products would cost more instructions than the memory leaves time for.
// The warps' results meet in shared memory, those of splits in scratch, where the block that
// finishes last adds them in order. The grid depends on the number of rows only, never on lengths.
#include "cuda/kernels/attend_splits.cuh"
#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kWarps = kTileThreads / 32;
constexpr int kHeads = 8;  // query heads of a block

struct SinglePlan {
  const AttendPagedArgs& a;
  const Visible& seen;
  int kv_head;
  int keys;  // end of the split

  __device__ const std::uint16_t* k_base() const {
    return static_cast<const std::uint16_t*>(a.kv.k);
  }
  __device__ const std::uint16_t* v_base() const {
    return static_cast<const std::uint16_t*>(a.kv.v);
  }
  __device__ std::int64_t row(int index) const {
    const int shift = 31 - __clz(a.kv.block_tokens);
    const int position = seen.position(index);
    const std::int64_t block =
        a.block_table[std::int64_t{seen.sequence} * a.max_blocks + (position >> shift)];
    const std::int64_t token = position & (a.kv.block_tokens - 1);
    return block < 0 ? -1 : (((block * a.kv.kv_heads + kv_head) << shift) + token) * a.kv.head_dim;
  }
};

// The query heads as the first eight rows of the first operand; rows behind the group are zero.
template <int kD>
__device__ inline void load_heads(const AttendPagedArgs& a, int row, int head0, int group,
                                  std::uint32_t (&q)[kD / 16][2]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const auto* q_row =
      static_cast<const std::uint16_t*>(a.q.data) + row * a.q.row_stride + head0 * kD;
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int at = lane / 4 * kD + 16 * c + lane % 4 * 2 + 8 * i;
      q[c][i] = lane / 4 < group ? __ldcg(reinterpret_cast<const std::uint32_t*>(q_row + at)) : 0U;
    }
  }
}

// What a warp has seen so far; rows g are query heads, their maxima in powers of two.
template <int kD>
struct Running {
  float best = kNever;
  float mass = 0.0F;
  float sum[kD / 8][4] = {};
};

// One warp's 16 keys of the tile that starts at key `first`; `left` of the tile's keys are inside
// the split.
template <int kD>
__device__ inline void attend_16(const std::uint32_t (&q)[kD / 16][2], std::uint32_t keys, int left,
                                 float scale_log2, Running<kD>& seen) {
  using Shape = TileShape<kD>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int row0 = static_cast<int>(threadIdx.x / 32) * 16;
  float s[2][4] = {};
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
    std::uint32_t k[4];
    const int row = row0 + lane / 16 * 8 + lane % 8;
    load_matrices(
        k, keys + static_cast<std::uint32_t>(row * Shape::kPitch + (2 * c + lane / 8 % 2) * 16));
    const std::uint32_t heads[4] = {q[c][0], 0U, q[c][1], 0U};
    const std::uint32_t k0[2] = {k[0], k[1]};
    const std::uint32_t k1[2] = {k[2], k[3]};
    mma_bf16(s[0], heads, k0);
    mma_bf16(s[1], heads, k1);
  }
  float top = kNever;
#pragma unroll
  for (int n = 0; n < 2; ++n) {
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      s[n][e] = row0 + 8 * n + lane % 4 * 2 + e < left ? s[n][e] * scale_log2 : -INFINITY;
      top = fmaxf(top, s[n][e]);
    }
  }
  top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
  top = fmaxf(seen.best, fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2)));
  const float decay = power_of_two(seen.best - top);
  seen.best = top;
  const std::uint32_t p[4] = {
      to_bf16_pair(power_of_two(s[0][0] - top), power_of_two(s[0][1] - top)), 0U,
      to_bf16_pair(power_of_two(s[1][0] - top), power_of_two(s[1][1] - top)), 0U};
  seen.mass =
      seen.mass * decay + bf16_low(p[0]) + bf16_high(p[0]) + bf16_low(p[2]) + bf16_high(p[2]);
#pragma unroll
  for (int n = 0; n < kD / 8; ++n) {
    seen.sum[n][0] *= decay;
    seen.sum[n][1] *= decay;
  }
#pragma unroll
  for (int n = 0; n < kD / 8; n += 2) {
    std::uint32_t v[4];
    const int row = row0 + lane / 8 % 2 * 8 + lane % 8;
    load_matrices_transposed(
        v, keys + Shape::kPlane +
               static_cast<std::uint32_t>(row * Shape::kPitch + (n + lane / 16) * 16));
    const std::uint32_t v0[2] = {v[0], v[1]};
    const std::uint32_t v1[2] = {v[2], v[3]};
    mma_bf16(seen.sum[n], p, v0);
    mma_bf16(seen.sum[n + 1], p, v1);
  }
}

template <int kD>
__global__ __launch_bounds__(kTileThreads) void attend_decode_tiles_kernel(
    const __grid_constant__ DecodeArgs args) {
  constexpr int kRecord = kD + 2;
  using Shape = TileShape<kD>;
  extern __shared__ uint4 shared[];
  __shared__ bool last;
  const AttendPagedArgs& a = args.attend;
  pdl_launch_next();
  pdl_wait();
  const int row = query_row(args);
  if (row < 0) {
    return;
  }
  const Visible seen = find_visible(a, row);
  const int splits = static_cast<int>(gridDim.z);
  const int per_split =
      ((seen.count + splits - 1) / splits + kTileKeys - 1) / kTileKeys * kTileKeys;
  const int begin = static_cast<int>(blockIdx.z) * per_split;
  const int end = begin + per_split < seen.count ? begin + per_split : seen.count;
  if (begin >= end) {
    return;
  }
  const SinglePlan plan{a, seen, static_cast<int>(blockIdx.y), end};
  const std::uint32_t room = shared_address(shared);
  copy_keys<kD>(plan, room, begin / kTileKeys, kD);
  copy_commit();
  const int group = a.heads / a.kv.kv_heads;
  const int head0 = static_cast<int>(blockIdx.y) * group;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  std::uint32_t q[kD / 16][2];
  load_heads<kD>(a, row, head0, group, q);
  Running<kD> running;
  int stage = 0;
  for (int first = begin; first < end; first += kTileKeys, stage ^= 1) {
    if (first + kTileKeys < end) {
      copy_keys<kD>(plan, room + static_cast<std::uint32_t>((stage ^ 1) * 2 * Shape::kPlane),
                    first / kTileKeys + 1, kD);
    }
    copy_commit();
    copy_wait<1>();
    __syncthreads();
    attend_16<kD>(q, room + static_cast<std::uint32_t>(stage * 2 * Shape::kPlane), end - first,
                  a.scale * kLog2E, running);
    __syncthreads();
  }
  running.mass += __shfl_xor_sync(0xffffffffU, running.mass, 1);
  running.mass += __shfl_xor_sync(0xffffffffU, running.mass, 2);

  auto* records =
      reinterpret_cast<float*>(shared);  // [warp][head][kRecord]; the stages are used up
  float* mine = records + (warp * kHeads + lane / 4) * kRecord;
  if (lane % 4 == 0) {
    mine[0] = running.best;
    mine[1] = running.mass;
  }
#pragma unroll
  for (int n = 0; n < kD / 8; ++n) {
    mine[2 + 8 * n + lane % 4 * 2] = running.sum[n][0];
    mine[3 + 8 * n + lane % 4 * 2] = running.sum[n][1];
  }
  __syncthreads();
  const int active = (seen.count + per_split - 1) / per_split;
  const std::int64_t item = std::int64_t{blockIdx.x} * gridDim.y + blockIdx.y;
  float* record = args.scratch + (item * splits + blockIdx.z) * kHeads * kRecord;
  const int c = static_cast<int>(threadIdx.x);
  for (int h = 0; h < group && c < kD; ++h) {
    const float* part = records + h * kRecord;
    float top = kNever;
    float total = 0.0F;
    float value = 0.0F;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      top = fmaxf(top, part[w * kHeads * kRecord]);
    }
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float scale = power_of_two(part[w * kHeads * kRecord] - top);
      total += scale * part[w * kHeads * kRecord + 1];
      value += scale * part[w * kHeads * kRecord + 2 + c];
    }
    if (active == 1) {
      store(a.y.data, a.y.dtype, row * a.y.row_stride + (head0 + h) * kD + c, value / total);
      continue;
    }
    if (c == 0) {
      __stcg(record + h * kRecord,
             top * 0.6931471805599453F);  // as join_parts reads it: in units of e
      __stcg(record + h * kRecord + 1, total);
    }
    __stcg(record + h * kRecord + 2 + c, value);
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
  for (int h = 0; h < group; ++h) {
    const float value = join_parts(args.scratch + (item * splits * kHeads + h) * kRecord, active,
                                   kHeads * kRecord, c < kD ? c : 0);
    if (c < kD) {
      store(a.y.data, a.y.dtype, row * a.y.row_stride + (head0 + h) * kD + c, value);
    }
  }
  if (threadIdx.x == 0) {
    args.counters[item] = 0;
  }
}

template <int kD>
void launch_decode(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  const std::int64_t rows =
      singles_only ? static_cast<std::int64_t>(args.context.size()) : args.q.rows;
  const std::int64_t items = rows * args.kv.kv_heads;
  std::int64_t splits = (3 * at.multiprocessors + items - 1) / items;
  splits = splits < 32 ? splits : 32;  // what join_parts takes
  const std::int64_t room =
      static_cast<std::int64_t>(at.scratch_floats) / (items * kHeads * (kD + 2));
  splits = splits < room ? splits : room;
  splits = items > static_cast<std::int64_t>(kCounters) || splits < 1 ? 1 : splits;
  const DecodeArgs a{args, at.scratch, at.counters, singles_only};
  auto* kernel = attend_decode_tiles_kernel<kD>;
  allow_shared(kernel, TileShape<kD>::kSharedBytes);
  launch(at, kernel,
         {dim3(static_cast<unsigned>(rows), static_cast<unsigned>(args.kv.kv_heads),
               static_cast<unsigned>(splits)),
          dim3(kTileThreads), TileShape<kD>::kSharedBytes},
         a);
}

}  // namespace

bool attend_decode_tiles_fits(const AttendPagedArgs& args) {
  return attend_prefill_fits(args) && args.heads / args.kv.kv_heads <= kHeads;
}

void attend_decode_tiles(const Launch& at, const AttendPagedArgs& args, bool singles_only) {
  if (args.q.rows > 0) {
    args.kv.head_dim == 64 ? launch_decode<64>(at, args, singles_only)
                           : launch_decode<128>(at, args, singles_only);
  }
}

}  // namespace monocle::cuda
