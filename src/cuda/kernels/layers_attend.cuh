// SPDX-License-Identifier: Apache-2.0
// The attention phase of a layer in layers_sm90.cu: q/k norm, rotation, the cache's new row, and
// attention of one query per sequence.
//
// An item is a row of q and a kv head; a block takes an item or a part of its keys. A warp takes 16
// keys at a time through its own stages: keys of earlier steps are asked for before the barrier
// ahead, since only the current token's come from this step. The block that is the last of an item
// joins its parts.
#pragma once

#include "cuda/kernels/attend_int8.cuh"
#include "cuda/kernels/layers_linear.cuh"

namespace monocle::cuda::layers {

// How attention reads the cache: K is the kind of the linear phases.
template <class K_>
struct WideCache {
  using K = K_;
  using Running = step::Running<kLayerHead>;
  using Fresh = std::uint16_t[2][kLayerHead];
  struct Keys : step::WarpKeys<kLayerHead> {
    static constexpr int kChunk = Chunk::kKeys;
    __device__ Keys(const AttendPagedArgs& args, const step::Share& of)
        : step::WarpKeys<kLayerHead>{args, of, kWarps} {}
    __device__ void copy(const LayerWeights& w, int rows, std::uint8_t* area) const {
      step::WarpKeys<kLayerHead>::copy(w.k, w.v, rows, shared_address(area));
    }
  };
  static_assert(step::Chunk<kLayerHead>::kBytes <= K::kKeyBytes);
  struct Heads {
    std::uint32_t q[kLayerHead / 16][2];
    float scale_log2;

    __device__ Heads(const AttendPagedArgs& a, const std::uint16_t* heads)
        : scale_log2(a.scale * kLog2E) {
      step::load_heads<kLayerHead, true>(heads, a.heads / a.kv.kv_heads, q);
    }
    __device__ void attend(std::uint8_t* area, int left, Running& running) const {
      step::attend_16<kLayerHead>(q, step::Chunk<kLayerHead>{shared_address(area)}, left,
                                  scale_log2, running);
    }
  };
};

template <class K_>
struct Int8Cache {
  using K = K_;
  using Running = step::Int8Running<kLayerHead>;
  using Fresh = step::Int8Fresh<kLayerHead>;
  static_assert(step::Int8Chunk<kLayerHead>::kBytes <= K::kKeyBytes);
  struct Keys : step::Int8Keys<kLayerHead> {
    static constexpr int kChunk = Chunk::kKeys;
    __device__ Keys(const AttendPagedArgs& args, const step::Share& of)
        : step::Int8Keys<kLayerHead>{args, of, kWarps} {}
    __device__ void copy(const LayerWeights& w, int rows, std::uint8_t* area) const {
      step::Int8Keys<kLayerHead>::copy({static_cast<const std::int8_t*>(w.k),
                                        static_cast<const std::int8_t*>(w.v), w.k_scale, w.v_scale},
                                       rows, shared_address(area));
    }
  };
  struct Heads {
    step::Int8Heads<kLayerHead> q;
    float scale_log2;

    __device__ Heads(const AttendPagedArgs& a, const std::uint16_t* heads) {
      q.template load<true>(heads, a.heads / a.kv.kv_heads);
      scale_log2 = a.scale * kLog2E * q.scale;
    }
    __device__ void attend(std::uint8_t* area, int left, Running& running) const {
      step::attend_32<kLayerHead>(q, shared_address(area), left, scale_log2, running);
    }
  };
};

__device__ inline step::HeadsOf heads_of(const StepProgram& p, const LayerWeights& w, int row,
                                         std::int64_t slot) {
  step::HeadsOf of{};
  of.x = static_cast<const float*>(p.rope.qkv.data) + std::int64_t{row} * (p.q_dim + 2 * p.kv_dim);
  of.heads = p.attend.heads;
  of.q_norm = w.q_norm;
  of.k_norm = w.k_norm;
  of.eps = p.rope.eps;
  of.k = w.k;
  of.v = w.v;
  of.slot = slot;
  of.k_scale = w.k_scale;
  of.v_scale = w.v_scale;
  return of;
}

// Where a warp leaves what it has seen: its own stages, used up by then.
template <class K>
__device__ inline float* record_of(Shared<K>& shared, int warp, int head) {
  return reinterpret_cast<float*>(shared.x + warp * K::kKeyBytes) +
         head * step::Running<kLayerHead>::kRecord;
}

// What a block does in every layer alike: its item, and where the first keys lie.
template <class Cache>
struct Item {
  using Keys = typename Cache::Keys;
  bool exists = false;
  int row;
  int part;
  int parts;
  std::int64_t slot;  // of the cache: where the current token's key and value go
  step::Share share;
  step::Turn<kLayerHead> turn;
  int rows;

  __device__ void find(const StepProgram& p, const Between& between, int at) {
    const AttendPagedArgs& a = p.attend;
    const int item = at / between.parts;
    row = item / a.kv.kv_heads;
    part = at % between.parts;
    share = {find_visible(a, row), item % a.kv.kv_heads, 0, 0, -1};
    parts = parts_of(share.seen.count, between.parts);
    exists = part < parts;
    if (!exists) {
      return;
    }
    constexpr int kChunk = Keys::kChunk;
    const int each = ((share.seen.count + parts - 1) / parts + kChunk - 1) / kChunk * kChunk;
    share.begin = part * each;
    share.end = min(share.begin + each, share.seen.count);
    share.fresh = share.seen.count - 1;
    turn.load(p.rope, row);
    slot = __ldcg(p.rope.slots.data() + row);
    rows = Keys(a, share).look_up(0);
  }
  // No part has less than a chunk for every warp, but for the last.
  __device__ static int parts_of(int keys, int most) {
    constexpr int kLeast = kWarps * Keys::kChunk;
    return max(1, min(most, (keys + kLeast - 1) / kLeast));
  }
};

// Whether this block is the last of the item's to arrive; what the others stored before, it sees.
template <class Cache>
__device__ inline bool arrives_last(const Between& between, const Item<Cache>& item, int kv_heads,
                                    Shared<typename Cache::K>& shared) {
  __syncthreads();
  if (threadIdx.x == 0) {
    std::uint32_t* count = between.arrivals + item.row * kv_heads + item.share.kv_head;
    std::uint32_t before = 0;
    asm volatile("atom.acq_rel.gpu.global.add.u32 %0, [%1], 1;"
                 : "=r"(before)
                 : "l"(count)
                 : "memory");
    shared.last = before + 1 == static_cast<std::uint32_t>(item.parts);
    if (shared.last) {
      *count = 0;
    }
  }
  __syncthreads();
  return shared.last;
}

// Channel c of a head over its parts; `first` is the first part's place in masses.
__device__ inline float join_parts(const Between& between, std::int64_t first, int parts, int heads,
                                   int c) {
  constexpr int kAtOnce = 4;  // loads under way
  float top = kNever;
  float mass = 0.0F;
  float sum = 0.0F;
  for (int part = 0; part < parts; part += kAtOnce) {
    float2 seen[kAtOnce];
    float value[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const std::int64_t at = first + std::int64_t{min(part + i, parts - 1)} * heads;
      seen[i] = __ldcg(between.masses + at);
      value[i] = __ldcg(between.sums + at * kLayerHead + c);
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const float highest = part + i < parts ? fmaxf(top, seen[i].x) : top;
      const float before = power_of_two(top - highest);
      const float now = part + i < parts ? power_of_two(seen[i].x - highest) : 0.0F;
      top = highest;
      mass = mass * before + seen[i].y * now;
      sum = sum * before + value[i] * now;
    }
  }
  return sum / mass;
}

// The block's part of the item's result; the last block's is the whole.
template <class Cache>
__device__ inline void store_item(const StepProgram& p, const Between& between,
                                  const Item<Cache>& item, Shared<typename Cache::K>& shared) {
  const int heads = p.attend.heads;
  const int group = heads / p.rope.kv.kv_heads;
  auto* y = static_cast<std::uint16_t*>(p.attend.y.data) + std::int64_t{item.row} * p.q_dim;
  const int head0 = item.share.kv_head * group;
  const std::int64_t first = std::int64_t{item.row} * between.parts * heads + head0;
  for (int i = static_cast<int>(threadIdx.x); i < group * kLayerHead; i += kThreads) {
    const int h = i / kLayerHead;
    const int c = i % kLayerHead;
    const float3 sum =
        step::join_records<kWarps>([&](int warp) { return record_of(shared, warp, h); }, c);
    if (item.parts == 1) {
      y[head0 * kLayerHead + i] = to_bf16(sum.z / sum.y);
      continue;
    }
    const std::int64_t at = first + std::int64_t{item.part} * heads + h;
    between.sums[at * kLayerHead + c] = sum.z;
    if (c == 0) {
      between.masses[at] = {sum.x, sum.y};
    }
  }
  if (item.parts == 1 || !arrives_last(between, item, p.rope.kv.kv_heads, shared)) {
    return;
  }
  for (int i = static_cast<int>(threadIdx.x); i < group * kLayerHead; i += kThreads) {
    y[head0 * kLayerHead + i] =
        to_bf16(join_parts(between, first + i / kLayerHead, item.parts, heads, i % kLayerHead));
  }
}

// Between the arrival at the barrier ahead and the next: it is waited for inside. `mine`: this
// block's first item.
template <class Cache>
__device__ inline void run_attention(const StepProgram& p, const Between& between,
                                     const LayerWeights& w, const Item<Cache>& mine,
                                     const GridBarrier& barrier,
                                     Shared<typename Cache::K>& shared) {
  const AttendPagedArgs& a = p.attend;
  const int items = p.rows * a.kv.kv_heads * between.parts;
  std::uint8_t* area = shared.x + static_cast<int>(threadIdx.x / 32) * Cache::K::kKeyBytes;
  bool waited = false;
  auto& fresh = reinterpret_cast<typename Cache::Fresh&>(shared.fresh);
  static_assert(sizeof(typename Cache::Fresh) <= sizeof(shared.fresh));
  Item<Cache> item = mine;
#pragma unroll 1
  for (int at = static_cast<int>(blockIdx.x); at < items;) {
    if (item.exists) {
      const typename Cache::Keys keys(a, item.share);
      const int chunks = keys.chunks();
      keys.copy(w, item.rows, area);
      copy_commit();
      if (!waited) {
        step::prefetch_norms<kLayerHead>(w.q_norm, w.k_norm);
        barrier.wait();
        waited = true;
      }
      step::make_heads<kLayerHead>(heads_of(p, w, item.row, item.slot), p.rope.kv, item.share,
                                   item.turn, shared.q, fresh);
      __syncthreads();
      const typename Cache::Heads heads(a, &shared.q[0][0]);
      typename Cache::Running running;
#pragma unroll 1
      for (int i = 0; i < chunks; ++i) {
        const int next = keys.look_up(i + 1);
        copy_wait<0>();
        __syncwarp();
        keys.put_fresh(i, fresh, area);
        __syncwarp();
        heads.attend(area, item.share.end - keys.first(i), running);
        __syncwarp();
        if (i + 1 < chunks) {
          keys.copy(w, next, area);
        }
        copy_commit();
      }
      copy_wait<0>();  // of a warp without keys
      __syncwarp();
      const int thread = static_cast<int>(threadIdx.x);
      running.store(record_of(shared, thread / 32, thread % 32 / 4));
      __syncthreads();
      store_item(p, between, item, shared);
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
