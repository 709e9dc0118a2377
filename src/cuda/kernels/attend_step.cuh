// SPDX-License-Identifier: Apache-2.0
// The parts of attend_step.cu: how the query heads and the current token's key and value are made,
// and one warp's products with 16 keys. Which keys those are: attend_step_keys.cuh.
#pragma once

#include "cuda/kernels/attend_step_keys.cuh"
#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/cluster.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda::step {

inline constexpr int kThreads = kTileThreads;
inline constexpr int kWarps = kThreads / 32;
inline constexpr int kHeads = 8;  // query heads of a block
inline constexpr int kStages = 2;
inline constexpr int kSplitKeys = 16;  // a block's share of the keys is a multiple

struct StepArgs {
  AttendPagedArgs attend;
  RopeAppendArgs rope;
  bool has_rope;
  bool early;
  bool singles_only;  // the row is a sequence; those with more than one query are left out
  int cluster;
};

// The same over a cache of int8.
void attend_step_int8(const Launch& at, const StepArgs& args);

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

// A head of q, k or v by one warp, after norm and rotation; without weights as it is. This lane's
// channels: lane + 32 i of each half.
template <int kD>
struct Channels {
  static constexpr int kEach = kD / 64;
  float low[kEach];
  float high[kEach];

  __device__ Channels(const float* x, const float* weight, float eps, const Turn<kD>& turn) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    float w_low[kEach];  // on their way together with x
    float w_high[kEach];
    float squares = 0.0F;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      low[i] = __ldcg(x + lane + 32 * i);
      high[i] = __ldcg(x + lane + 32 * i + kD / 2);
      w_low[i] = weight != nullptr ? __ldg(weight + lane + 32 * i) : 0.0F;
      w_high[i] = weight != nullptr ? __ldg(weight + lane + 32 * i + kD / 2) : 0.0F;
      squares += low[i] * low[i] + high[i] * high[i];
    }
    if (weight != nullptr) {
      const float factor = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(kD) + eps);
#pragma unroll
      for (int i = 0; i < kEach; ++i) {
        const float first = w_low[i] * low[i] * factor;
        const float second = w_high[i] * high[i] * factor;
        low[i] = first * turn.cosine[i] - second * turn.sine[i];
        high[i] = second * turn.cosine[i] + first * turn.sine[i];
      }
    }
  }
  [[nodiscard]] __device__ float largest() const {
    float out = 0.0F;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
      out = fmaxf(out, fmaxf(fabsf(low[i]), fabsf(high[i])));
    }
    return out;
  }
};

// The same to shared memory and to `out`.
template <int kD>
__device__ inline void make_head(const float* x, const float* weight, float eps,
                                 const Turn<kD>& turn, std::uint16_t* shared, std::uint16_t* out) {
  const Channels<kD> head(x, weight, eps, turn);
#pragma unroll
  for (int i = 0; i < kD / 64; ++i) {
    const int c = static_cast<int>(threadIdx.x % 32) + 32 * i;
    shared[c] = to_bf16(head.low[i]);
    shared[c + kD / 2] = to_bf16(head.high[i]);
    if (out != nullptr) {
      out[c] = shared[c];
      out[c + kD / 2] = shared[c + kD / 2];
    }
  }
}

// The norms' weights are read once a step: asked for before the wait for what they belong to.
template <int kD>
__device__ inline void prefetch_norms(const float* q_norm, const float* k_norm) {
#if __CUDA_ARCH__ >= 900
  constexpr int kLines = kD * 4 / 128;
  const int line = static_cast<int>(threadIdx.x);
  if (q_norm != nullptr && k_norm != nullptr && line < 2 * kLines) {
    const float* from = line < kLines ? q_norm : k_norm;
    asm volatile("prefetch.global.L2 [%0];" ::"l"(from + line % kLines * 32));
  }
#endif
}

// What a block makes its heads from and where the current token's key and value go.
struct HeadsOf {
  const float* x;  // the row of qkv
  int heads;       // of q
  const float* q_norm;
  const float* k_norm;
  float eps;
  std::uint16_t* q;  // where the row of q is wanted in memory too, or null
  void* k;           // the cache
  void* v;
  std::int64_t slot;  // of the cache, or negative
  float* k_scale;     // of an int8 cache
  float* v_scale;
};

// The query heads of the group, and in the block that owns the last key the current key and value,
// shared out to the block's warps.
template <int kD>
__device__ inline void make_heads(const HeadsOf& of, const KvView& kv, const Share& share,
                                  const Turn<kD>& turn, std::uint16_t (&q)[kHeads][kD],
                                  std::uint16_t (&fresh)[2][kD]) {
  const int group = of.heads / kv.kv_heads;
  const int warps = static_cast<int>(blockDim.x / 32);
  const bool owner = share.begin <= share.fresh && share.fresh < share.end;
  for (int job = static_cast<int>(threadIdx.x / 32); job < group + (owner ? 2 : 0); job += warps) {
    if (job < group) {
      const int at = (share.kv_head * group + job) * kD;
      make_head<kD>(of.x + at, of.q_norm, of.eps, turn, q[job],
                    of.q != nullptr ? of.q + at : nullptr);
      continue;
    }
    const bool is_key = job == group;
    std::uint16_t* out = nullptr;
    if (of.slot >= 0) {
      out = static_cast<std::uint16_t*>(is_key ? of.k : of.v) +
            cache_row(kv, of.slot, share.kv_head) * kD;
    }
    const int head = of.heads + (is_key ? 0 : kv.kv_heads) + share.kv_head;
    make_head<kD>(of.x + head * kD, is_key ? of.k_norm : nullptr, of.eps, turn, fresh[job - group],
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

// The head of a warp's record: four lanes share a query head and hold a part of its mass each.
__device__ inline void store_mass(float best, float mass, float* record) {
  mass += __shfl_xor_sync(0xffffffffU, mass, 1);
  mass += __shfl_xor_sync(0xffffffffU, mass, 2);
  if (threadIdx.x % 4 == 0) {
    record[0] = best;
    record[1] = mass;
  }
}

// What a warp has seen so far; rows g are query heads, their maxima in powers of two.
template <int kD>
struct Running {
  static constexpr int kRecord = kD + 2;  // {maximum, mass, sum of kD channels}
  float best = kNever;
  float mass = 0.0F;
  float sum[kD / 8][4] = {};

  // After the last key; `record` is that of head lane / 4. All lanes of the warp must call it.
  __device__ void store(float* record) {
    store_mass(best, mass, record);
    const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
    for (int n = 0; n < kD / 8; ++n) {
      record[2 + 8 * n + lane % 4 * 2] = sum[n][0];
      record[3 + 8 * n + lane % 4 * 2] = sum[n][1];
    }
  }
};

template <int kD_>
struct Room {
  static constexpr int kD = kD_;
  static constexpr int kWarps = step::kWarps;
  static constexpr int kThreads = step::kThreads;
  static constexpr int kStageBytes = Chunk<kD>::kBytes;
  static constexpr int kRecord = Running<kD>::kRecord;
  alignas(16) std::uint8_t stages[kWarps][kStages][kStageBytes];
  alignas(16) std::uint16_t q[kHeads][kD];
  alignas(16) std::uint16_t fresh[2][kD];  // key, value

  // The stages, once used up, hold the warps' results and, the first warp's second, the block's.
  __device__ float* warp_record(int warp, int head) {
    return reinterpret_cast<float*>(stages[warp][0]) + head * kRecord;
  }
  __device__ float* record(int head) {
    return reinterpret_cast<float*>(stages[0][1]) + head * kRecord;
  }
  static_assert(sizeof(float) * kHeads * kRecord <= kStageBytes && kStages > 1);
};

// {maximum, mass, channel c} over the records that kWarps warps have stored of a head.
template <int kWarps, class RecordOf>
__device__ inline float3 join_records(const RecordOf& record_of, int c) {
  float3 out{kNever, 0.0F, 0.0F};
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) {
    out.x = fmaxf(out.x, record_of(warp)[0]);
  }
#pragma unroll
  for (int warp = 0; warp < kWarps; ++warp) {
    const float* record = record_of(warp);
    const float scale = power_of_two(record[0] - out.x);
    out.y += scale * record[1];
    out.z += scale * record[2 + c];
  }
  return out;
}

// A warp's 16 keys, of which the first `left` exist, at least one. `keys.key(row, piece)` and
// `keys.value(row, piece)` say where 8 channels of them lie in shared memory.
template <int kD, class Keys>
__device__ inline void attend_16(const std::uint32_t (&q)[kD / 16][2], const Keys& keys, int left,
                                 float scale_log2, Running<kD>& seen) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float s[2][4] = {};
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
    std::uint32_t k[4];
    load_matrices(k, keys.key(lane / 16 * 8 + lane % 8, 2 * c + lane / 8 % 2));
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
    load_matrices_transposed(v, keys.value(lane / 8 % 2 * 8 + lane % 8, n + lane / 16));
    const std::uint32_t v0[2] = {v[0], v[1]};
    const std::uint32_t v1[2] = {v[2], v[3]};
    mma_bf16(seen.sum[n], p, v0);
    mma_bf16(seen.sum[n + 1], p, v1);
  }
}

}  // namespace monocle::cuda::step
