// SPDX-License-Identifier: Apache-2.0
// The parts of attend_step.cu: which keys a block takes and where they lie, how the query heads and
// the current token's key and value are made, and one warp's products with 16 keys.
#pragma once

#include "cuda/kernels/attend_splits.cuh"
#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/cluster.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda::step {

inline constexpr int kThreads = kTileThreads;
inline constexpr int kWarps = kThreads / 32;
inline constexpr int kHeads = 8;  // query heads of a block
inline constexpr int kStages = 2;
inline constexpr int kSplitKeys = 16;  // a block's share of the keys is a multiple
inline constexpr int kNowhere = -1;    // zeros instead of a key
inline constexpr int kFresh = -2;      // the current token's: not in memory yet

struct StepArgs {
  AttendPagedArgs attend;
  RopeAppendArgs rope;
  bool has_rope;
  bool early;
  bool singles_only;  // the row is a sequence; those with more than one query are left out
  int cluster;
};

template <int kD>
struct Room {
  using Shape = TileShape<kD>;
  static constexpr int kRecord = kD + 2;  // {maximum, mass, sum of kD channels}
  alignas(16) std::uint8_t tiles[kStages][2 * Shape::kPlane];
  alignas(16) std::uint16_t q[kHeads][kD];
  alignas(16) std::uint16_t fresh[2][kD];  // key, value
  int rows[kStages + 1][kTileKeys];        // of the cache, by tile

  // The tiles, once used up, hold the results of the warps and behind them the block's.
  __device__ float* warp_record(int warp, int head) {
    return reinterpret_cast<float*>(tiles) + (warp * kHeads + head) * kRecord;
  }
  __device__ float* record(int head) { return warp_record(kWarps, head); }
  static_assert(sizeof(float) * (kWarps + 1) * kHeads * kRecord <= 2 * kStages * Shape::kPlane);
};

// This block's part of the keys one query sees.
struct Share {
  Visible seen;
  int kv_head;
  int begin;
  int end;
  int fresh;  // index of the current token, or -1

  __device__ int tiles() const {
    return begin < end ? (end - begin + kTileKeys - 1) / kTileKeys : 0;
  }
  // Row of the cache of key `index`.
  __device__ int row(const AttendPagedArgs& a, int index) const {
    if (index >= end) {
      return kNowhere;
    }
    if (index == fresh) {
      return kFresh;
    }
    const int shift = 31 - __clz(a.kv.block_tokens);
    const int position = seen.position(index);
    const int block =
        __ldcg(a.block_table + std::int64_t{seen.sequence} * a.max_blocks + (position >> shift));
    return block < 0 ? kNowhere
                     : ((block * a.kv.kv_heads + kv_head) << shift) +
                           (position & (a.kv.block_tokens - 1));
  }
};

template <int kD>
__device__ inline void copy_tile(const AttendPagedArgs& a, const int (&rows)[kTileKeys],
                                 std::uint32_t to) {
  constexpr int kPieces = kD / 8;
  const int c = static_cast<int>(threadIdx.x) % kPieces * 8;
#pragma unroll
  for (int key = static_cast<int>(threadIdx.x) / kPieces; key < kTileKeys;
       key += kThreads / kPieces) {
    const int row = rows[key];
    if (row == kFresh) {
      continue;
    }
    const std::int64_t at = row >= 0 ? std::int64_t{row} * kD + c : 0;
    const std::uint32_t place =
        to + static_cast<std::uint32_t>(key * TileShape<kD>::kPitch + 2 * c);
    copy16(place, static_cast<const std::uint16_t*>(a.kv.k) + at, row >= 0);
    copy16(place + TileShape<kD>::kPlane, static_cast<const std::uint16_t*>(a.kv.v) + at, row >= 0);
  }
}

// Sine and cosine of channels lane + 32 i of a half.
template <int kD>
struct Turn {
  float sine[kD / 64];
  float cosine[kD / 64];

  __device__ void load(const RopeAppendArgs& a, int row) {
#pragma unroll
    for (int i = 0; i < kD / 64; ++i) {
      const int c = static_cast<int>(threadIdx.x % 32) + 32 * i;
      const auto position =
          static_cast<float>(__ldcg(a.positions + a.rope.axis[c] * a.qkv.rows + row));
      sincosf(position * a.rope.inv_freq[c], &sine[i], &cosine[i]);
      sine[i] *= a.rope.scale;
      cosine[i] *= a.rope.scale;
    }
  }
};

// One head of q, k or v by one warp: norm, rotation, to shared memory and to `out`.
template <int kD>
__device__ inline void make_head(const float* x, const float* weight, float eps,
                                 const Turn<kD>& turn, std::uint16_t* shared, std::uint16_t* out) {
  constexpr int kEach = kD / 64;
  const int lane = static_cast<int>(threadIdx.x % 32);
  float low[kEach];
  float high[kEach];
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    low[i] = __ldcg(x + lane + 32 * i);
    high[i] = __ldcg(x + lane + 32 * i + kD / 2);
    squares += low[i] * low[i] + high[i] * high[i];
  }
  if (weight != nullptr) {
    const float factor = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(kD) + eps);
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      const int c = lane + 32 * i;
      const float first = __ldg(weight + c) * low[i] * factor;
      const float second = __ldg(weight + c + kD / 2) * high[i] * factor;
      low[i] = first * turn.cosine[i] - second * turn.sine[i];
      high[i] = second * turn.cosine[i] + first * turn.sine[i];
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int c = lane + 32 * i;
    shared[c] = to_bf16(low[i]);
    shared[c + kD / 2] = to_bf16(high[i]);
    if (out != nullptr) {
      out[c] = shared[c];
      out[c + kD / 2] = shared[c + kD / 2];
    }
  }
}

// The query heads of the group, and in the block that owns the last key the current key and value.
template <int kD>
__device__ inline void make_heads(const StepArgs& args, const Share& share, int row, int rank,
                                  const Turn<kD>& turn, Room<kD>& room) {
  const RopeAppendArgs& a = args.rope;
  const int heads = args.attend.heads;
  const int group = heads / a.kv.kv_heads;
  const bool owner = share.begin <= share.fresh && share.fresh < share.end;
  const float* x = static_cast<const float*>(a.qkv.data) + row * a.qkv.row_stride;
  for (int job = static_cast<int>(threadIdx.x / 32); job < group + (owner ? 2 : 0); job += kWarps) {
    if (job < group) {
      const int head = share.kv_head * group + job;
      auto* q = static_cast<std::uint16_t*>(a.q.data) + row * a.q.row_stride + head * kD;
      make_head<kD>(x + head * kD, a.q_norm, a.eps, turn, room.q[job], rank == 0 ? q : nullptr);
      continue;
    }
    const bool is_key = job == group;
    const std::int64_t slot = __ldcg(a.slots.data() + row);
    std::uint16_t* out = nullptr;
    if (slot >= 0) {
      const std::int64_t at = cache_row(a.kv, slot, share.kv_head);
      out = static_cast<std::uint16_t*>(is_key ? a.kv.k : a.kv.v) + at * kD;
    }
    const int head = heads + (is_key ? 0 : a.kv.kv_heads) + share.kv_head;
    make_head<kD>(x + head * kD, is_key ? a.k_norm : nullptr, a.eps, turn, room.fresh[job - group],
                  out);
  }
}

// The query heads as the first eight rows of the first operand; rows behind the group are zero.
template <int kD, bool kShared>
__device__ inline void load_heads(const std::uint16_t* heads, int group,
                                  std::uint32_t (&q)[kD / 16][2]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int at = lane / 4 * kD + 16 * c + lane % 4 * 2 + 8 * i;
      const auto* pair = reinterpret_cast<const std::uint32_t*>(heads + at);
      q[c][i] = lane / 4 >= group ? 0U : kShared ? *pair : __ldcg(pair);
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

// One warp's 16 keys of a tile; `left` of the tile's keys are inside the share.
template <int kD>
__device__ inline void attend_16(const std::uint32_t (&q)[kD / 16][2], std::uint32_t keys, int left,
                                 float scale_log2, Running<kD>& seen) {
  using Shape = TileShape<kD>;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int row0 = static_cast<int>(threadIdx.x / 32) * 16;
  if (row0 >= left) {
    return;
  }
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

}  // namespace monocle::cuda::step
