// SPDX-License-Identifier: Apache-2.0
// The attention phase of a layer in layers_sm90.cu: q/k norm, rotation, the cache's new row, and
// attention of one query per sequence.
//
// An item is a row of q and a kv head; a block takes an item or a part of its keys. A warp takes 16
// keys at a time through its own stages: keys of earlier steps are asked for before the barrier
// ahead, since only the current token's come from this step. Parts are joined by those who read
// them, the blocks of the output product.
#pragma once

#include "cuda/kernels/layers_linear.cuh"

namespace monocle::cuda::layers {

inline constexpr int kRecord = kLayerHead + 2;  // {maximum, mass, sum of channels}
inline constexpr int kChunk = 16;               // keys of a warp's stage

// A warp's chunks of a block's share of the keys, and the room for one.
template <class K>
struct Keys {
  const AttendPagedArgs& a;
  const step::Share& share;
  std::uint8_t* area;

  __device__ static int place(int key, int piece) {
    return key * 2 * kLayerHead + (piece ^ (key & 7)) * 16;
  }
  __device__ int chunks() const {  // of this warp
    const int all = share.begin < share.end ? (share.end - share.begin + kChunk - 1) / kChunk : 0;
    return (all - static_cast<int>(threadIdx.x / 32) + kWarps - 1) / kWarps;
  }
  __device__ int first(int chunk) const {
    return share.begin + (chunk * kWarps + static_cast<int>(threadIdx.x / 32)) * kChunk;
  }
  // Row of the cache of key lane % 16 of a chunk.
  __device__ int look_up(int chunk) const {
    return chunk < chunks() ? share.row(a, first(chunk) + static_cast<int>(threadIdx.x % kChunk))
                            : step::kNowhere;
  }
  __device__ void copy(const LayerWeights& w, int rows) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int piece = lane % 16;
    const std::uint32_t to = shared_address(area);
#pragma unroll
    for (int i = 0; i < kChunk / 2; ++i) {
      const int key = lane / 16 + 2 * i;
      const int row = __shfl_sync(0xffffffffU, rows, key);
      if (row != step::kFresh) {
        const std::int64_t from = row >= 0 ? std::int64_t{row} * (2 * kLayerHead) + 16 * piece : 0;
        const std::uint32_t at = to + static_cast<std::uint32_t>(place(key, piece));
        copy16(at, static_cast<const std::uint8_t*>(w.k) + from, row >= 0);
        copy16(at + kChunk * 2 * kLayerHead, static_cast<const std::uint8_t*>(w.v) + from,
               row >= 0);
      }
    }
    copy_commit();
  }
  // The current token's key and value, where they belong in the chunk.
  __device__ void put_fresh(int chunk, const Shared<K>& shared) const {
    const int key = share.fresh - first(chunk);
    if (share.fresh >= share.end || key < 0 || key >= kChunk) {
      return;
    }
    const int lane = static_cast<int>(threadIdx.x % 32);
    *reinterpret_cast<uint4*>(area + lane / 16 * (kChunk * 2 * kLayerHead) +
                              place(key, lane % 16)) =
        *reinterpret_cast<const uint4*>(shared.fresh[lane / 16] + lane % 16 * 8);
  }
};

// One warp's 16 keys; `left` of them exist.
template <class K>
__device__ inline void attend_chunk(const std::uint32_t (&q)[kLayerHead / 16][2],
                                    std::uint32_t keys, int left, float scale_log2,
                                    step::Running<kLayerHead>& seen) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float s[2][4] = {};
#pragma unroll
  for (int c = 0; c < kLayerHead / 16; ++c) {
    std::uint32_t k[4];
    const int row = lane / 16 * 8 + lane % 8;
    load_matrices(k, keys + static_cast<std::uint32_t>(Keys<K>::place(row, 2 * c + lane / 8 % 2)));
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
      s[n][e] = 8 * n + lane % 4 * 2 + e < left ? s[n][e] * scale_log2 : -INFINITY;
      top = fmaxf(top, s[n][e]);
    }
  }
  top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
  top = fmaxf(seen.best, fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2)));
  const float decay = power_of_two(seen.best - top);
  seen.best = top;
  const std::uint32_t weight[4] = {
      to_bf16_pair(power_of_two(s[0][0] - top), power_of_two(s[0][1] - top)), 0U,
      to_bf16_pair(power_of_two(s[1][0] - top), power_of_two(s[1][1] - top)), 0U};
  seen.mass = seen.mass * decay + bf16_low(weight[0]) + bf16_high(weight[0]) + bf16_low(weight[2]) +
              bf16_high(weight[2]);
#pragma unroll
  for (int n = 0; n < kLayerHead / 8; ++n) {
    seen.sum[n][0] *= decay;
    seen.sum[n][1] *= decay;
  }
#pragma unroll
  for (int n = 0; n < kLayerHead / 8; n += 2) {
    std::uint32_t v[4];
    const int row = lane / 8 % 2 * 8 + lane % 8;
    load_matrices_transposed(v,
                             keys + static_cast<std::uint32_t>(kChunk * 2 * kLayerHead +
                                                               Keys<K>::place(row, n + lane / 16)));
    const std::uint32_t v0[2] = {v[0], v[1]};
    const std::uint32_t v1[2] = {v[2], v[3]};
    mma_bf16(seen.sum[n], weight, v0);
    mma_bf16(seen.sum[n + 1], weight, v1);
  }
}

// The query heads of the item, and in the block that owns the last key the current key and value.
template <class K>
__device__ inline void make_heads(const StepProgram& p, const LayerWeights& w,
                                  const step::Share& share, int row,
                                  const step::Turn<kLayerHead>& turn, Shared<K>& shared) {
  const int heads = p.attend.heads;
  const KvView& kv = p.rope.kv;
  const int group = heads / kv.kv_heads;
  const bool owner = share.begin <= share.fresh && share.fresh < share.end;
  const float* x =
      static_cast<const float*>(p.rope.qkv.data) + std::int64_t{row} * (p.q_dim + 2 * p.kv_dim);
  for (int job = static_cast<int>(threadIdx.x / 32); job < group + (owner ? 2 : 0); job += kWarps) {
    if (job < group) {
      step::make_head<kLayerHead>(x + (share.kv_head * group + job) * kLayerHead, w.q_norm,
                                  p.rope.eps, turn, shared.q[job], nullptr);
      continue;
    }
    const bool is_key = job == group;
    const std::int64_t slot = __ldcg(p.rope.slots.data() + row);
    std::uint16_t* out = nullptr;
    if (slot >= 0) {
      const std::int64_t at = cache_row(kv, slot, share.kv_head);
      out = static_cast<std::uint16_t*>(is_key ? w.k : w.v) + at * kLayerHead;
    }
    const int head = heads + (is_key ? 0 : kv.kv_heads) + share.kv_head;
    step::make_head<kLayerHead>(x + head * kLayerHead, is_key ? w.k_norm : nullptr, p.rope.eps,
                                turn, shared.fresh[job - group], out);
  }
}

// Where a warp leaves what it has seen: its own stages, used up by then.
template <class K>
__device__ inline float* record_of(Shared<K>& shared, int warp, int head) {
  return reinterpret_cast<float*>(shared.x + warp * K::kKeyBytes) + head * kRecord;
}

template <class K>
__device__ inline void put_record(const step::Running<kLayerHead>& running, Shared<K>& shared) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float* mine = record_of(shared, static_cast<int>(threadIdx.x / 32), lane / 4);
  if (lane % 4 == 0) {
    mine[0] = running.best;
    mine[1] = running.mass;
  }
#pragma unroll
  for (int n = 0; n < kLayerHead / 8; ++n) {
    mine[2 + 8 * n + lane % 4 * 2] = running.sum[n][0];
    mine[3 + 8 * n + lane % 4 * 2] = running.sum[n][1];
  }
}

// {maximum, mass, channel c} of head h over all warps.
template <class K>
__device__ inline float3 join_warps(Shared<K>& shared, int h, int c) {
  float3 out{kNever, 0.0F, 0.0F};
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) {
    out.x = fmaxf(out.x, record_of(shared, warp, h)[0]);
  }
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) {
    const float* record = record_of(shared, warp, h);
    const float scale = power_of_two(record[0] - out.x);
    out.y += scale * record[1];
    out.z += scale * record[2 + c];
  }
  return out;
}

// The block's result: the item's, or one of its parts.
template <class K>
__device__ inline void store_item(const StepProgram& p, const Between& between, int row,
                                  int kv_head, int part, Shared<K>& shared) {
  const int heads = p.attend.heads;
  const int group = heads / p.rope.kv.kv_heads;
  for (int i = static_cast<int>(threadIdx.x); i < group * kLayerHead; i += kThreads) {
    const int h = i / kLayerHead;
    const int c = i % kLayerHead;
    const float3 sum = join_warps<K>(shared, h, c);
    const int head = kv_head * group + h;
    if (between.parts == 1) {
      auto* y = static_cast<std::uint16_t*>(p.attend.y.data) + std::int64_t{row} * p.q_dim;
      y[head * kLayerHead + c] = to_bf16(sum.z / sum.y);
      continue;
    }
    const std::int64_t at = (std::int64_t{row} * between.parts + part) * heads + head;
    between.sums[at * kLayerHead + c] = sum.z;
    if (c == 0) {
      between.masses[at] = {sum.x, sum.y};
    }
  }
}

// What a block does in every layer alike: its item, and where the first keys lie.
template <class K>
struct Item {
  bool exists = false;
  int row;
  int part;
  step::Share share;
  step::Turn<kLayerHead> turn;
  int rows;

  __device__ void find(const StepProgram& p, const Between& between, int at) {
    const AttendPagedArgs& a = p.attend;
    const int item = at / between.parts;
    row = item / a.kv.kv_heads;
    part = at % between.parts;
    share = {find_visible(a, row), item % a.kv.kv_heads, 0, 0, -1};
    const int parts = parts_of(share.seen.count, between.parts);
    exists = part < parts;
    if (!exists) {
      return;
    }
    const int each = ((share.seen.count + parts - 1) / parts + kChunk - 1) / kChunk * kChunk;
    share.begin = part * each;
    share.end = min(share.begin + each, share.seen.count);
    share.fresh = share.seen.count - 1;
    turn.load(p.rope, row);
    rows = Keys<K>{a, share, nullptr}.look_up(0);
  }
  // No part has less than a chunk for every warp, but for the last.
  __device__ static int parts_of(int keys, int most) {
    constexpr int kLeast = kWarps * kChunk;
    return max(1, min(most, (keys + kLeast - 1) / kLeast));
  }
};

// Between the arrival at the barrier ahead and the next: it is waited for inside. `mine`: this
// block's first item.
template <class K>
__device__ inline void run_attention(const StepProgram& p, const Between& between,
                                     const LayerWeights& w, const Item<K>& mine,
                                     const GridBarrier& barrier, Shared<K>& shared) {
  const AttendPagedArgs& a = p.attend;
  const int items = p.rows * a.kv.kv_heads * between.parts;
  std::uint8_t* area = shared.x + static_cast<int>(threadIdx.x / 32) * K::kKeyBytes;
  bool waited = false;
  Item<K> item = mine;
#pragma unroll 1
  for (int at = static_cast<int>(blockIdx.x); at < items;) {
    if (item.exists) {
      const Keys<K> keys{a, item.share, area};
      const int chunks = keys.chunks();
      keys.copy(w, item.rows);
      if (!waited) {
        barrier.wait();
        waited = true;
      }
      make_heads<K>(p, w, item.share, item.row, item.turn, shared);
      __syncthreads();
      std::uint32_t q[kLayerHead / 16][2];
      step::load_heads<kLayerHead, true>(&shared.q[0][0], a.heads / a.kv.kv_heads, q);
      step::Running<kLayerHead> running;
#pragma unroll 1
      for (int i = 0; i < chunks; ++i) {
        const int next = keys.look_up(i + 1);
        copy_wait<0>();
        __syncwarp();
        keys.put_fresh(i, shared);
        __syncwarp();
        attend_chunk<K>(q, shared_address(area), item.share.end - keys.first(i), a.scale * kLog2E,
                        running);
        __syncwarp();
        if (i + 1 < chunks) {
          keys.copy(w, next);
        }
      }
      copy_wait<0>();  // of a warp without keys
      __syncwarp();
      running.mass += __shfl_xor_sync(0xffffffffU, running.mass, 1);
      running.mass += __shfl_xor_sync(0xffffffffU, running.mass, 2);
      put_record<K>(running, shared);
      __syncthreads();
      store_item<K>(p, between, item.row, item.share.kv_head, item.part, shared);
    }
    at += static_cast<int>(gridDim.x);
    if (at < items) {
      item.find(p, between, at);
      __syncthreads();  // the next item's keys overwrite the records
    }
  }
  if (!waited) {
    barrier.wait();
  }
}

}  // namespace monocle::cuda::layers
