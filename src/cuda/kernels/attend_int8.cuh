// SPDX-License-Identifier: Apache-2.0
// Attention of one query per sequence over a cache of int8, in integers: one warp's products with
// 32 keys, and how the keys come.
//
//   q = s (128 h + l), 15 bits of the largest of a head: rows 0..7 of the first operand hold h of
//   the query heads, rows 8..15 l, so that one product of int8 matrices yields both halves.
//   p v_scale likewise in 14 bits of the largest of the 32 keys, h and l both positive.
//
// Both sums are exact; the two roundings are finer than bf16 holds q and p. Nothing is widened:
// keys are the second operand as they lie; of values, which would be needed across, one byte
// permutation makes four elements.
#pragma once

#include "cuda/kernels/attend_step.cuh"

namespace monocle::cuda::step {

inline constexpr float kFixedLevels = 127.0F * 128.0F;

// D += A B: A [16, 32] int8 row-major, B [32, 8] int8 column-major, D [16, 8] int32.
__device__ inline void product_int8(int (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                    std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 32 keys and values of one warp in shared memory, and their scales.
template <int kD>
struct Int8Chunk {
  static constexpr int kKeys = 32;
  static constexpr int kPieces = kD / 16;     // 16 bytes each
  static constexpr int kPlane = kKeys * kD;   // keys; values behind them
  static constexpr int kScales = 2 * kPlane;  // [2][kKeys] floats
  static constexpr int kBytes = kScales + 2 * kKeys * 4;

  // Eight neighbouring rows lie in different banks.
  __device__ static int place(int key, int piece) {
    return key * kD + (piece ^ (kD == 128 ? key & 7 : key >> 1 & 3)) * 16;
  }
};

// The query heads as the first operand. Row lane / 4 of both halves is the head's.
template <int kD>
struct Int8Heads {
  std::uint32_t q[kD / 32][4];
  float scale;

  // heads: [group][kD] bf16. All lanes of the warp must call it.
  template <bool kShared>
  __device__ void load(const std::uint16_t* heads, int group) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const bool exists = lane / 4 < group;
    std::uint32_t pairs[kD / 32][2][2];
    float largest = 0.0F;
#pragma unroll
    for (int c = 0; c < kD / 32; ++c) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const auto* four = reinterpret_cast<const uint2*>(heads + lane / 4 * kD + 32 * c + 16 * i +
                                                          4 * (lane % 4));
        const uint2 value = !exists ? uint2{0, 0} : kShared ? *four : __ldcg(four);
        pairs[c][i][0] = value.x;
        pairs[c][i][1] = value.y;
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          largest = fmaxf(largest,
                          fmaxf(fabsf(bf16_low(pairs[c][i][j])), fabsf(bf16_high(pairs[c][i][j]))));
        }
      }
    }
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffU, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffU, largest, 2));
    scale = largest / kFixedLevels;
    const float inverse = largest > 0.0F ? kFixedLevels / largest : 0.0F;
#pragma unroll
    for (int c = 0; c < kD / 32; ++c) {
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        std::uint32_t high = 0;
        std::uint32_t low = 0;
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const std::uint32_t pair = pairs[c][i][j / 2];
          const int fixed =
              __float2int_rn((j % 2 == 0 ? bf16_low(pair) : bf16_high(pair)) * inverse);
          const int upper = (fixed + 64) >> 7;
          high |= (static_cast<std::uint32_t>(upper) & 0xffU) << (8 * j);
          low |= (static_cast<std::uint32_t>(fixed - 128 * upper) & 0xffU) << (8 * j);
        }
        q[c][2 * i] = high;
        q[c][2 * i + 1] = low;
      }
    }
  }
};

// What a warp has seen so far; see Running. A lane holds channels 16 m + 4 (lane % 4) + i.
template <int kD>
struct Int8Running {
  static constexpr int kRecord = Running<kD>::kRecord;
  float best = kNever;
  float mass = 0.0F;
  float sum[kD / 16][4] = {};

  __device__ void store(float* record) {
    store_mass(best, mass, record);
    const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
    for (int m = 0; m < kD / 16; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        record[2 + 16 * m + lane % 4 * 4 + i] = sum[m][i];
      }
    }
  }
};

__device__ inline float2 load_shared8(std::uint32_t address) {
  float2 out;
  asm volatile("ld.shared.v2.f32 {%0,%1}, [%2];"
               : "=f"(out.x), "=f"(out.y)
               : "r"(address)
               : "memory");
  return out;
}
__device__ inline float fixed_value(int high, int low) {
  return static_cast<float>(128 * high + low);
}

// q k of the 32 keys, in units of the head's scale times the key's; keys 8 n + 2 (lane % 4) + e.
template <int kD>
__device__ inline void score_32(const Int8Heads<kD>& heads, std::uint32_t chunk,
                                float (&score)[4][2]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  int d[4][4] = {};
#pragma unroll
  for (int c = 0; c < kD / 32; ++c) {
#pragma unroll
    for (int n = 0; n < 4; n += 2) {
      std::uint32_t k[4];
      load_matrices(k, chunk + static_cast<std::uint32_t>(Int8Chunk<kD>::place(
                                   8 * n + lane / 16 * 8 + lane % 8, 2 * c + lane / 8 % 2)));
      product_int8(d[n], heads.q[c], k[0], k[1]);
      product_int8(d[n + 1], heads.q[c], k[2], k[3]);
    }
  }
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    score[n][0] = fixed_value(d[n][0], d[n][2]);
    score[n][1] = fixed_value(d[n][1], d[n][3]);
  }
}

// Weights in [0, kFixedLevels] as the first operand; column k of four stands for keys 2 t, 2 t + 1,
// 8 + 2 t, 9 + 2 t of the half, as this lane holds them.
__device__ inline void pack_weights(const float (&w)[4][2], float inverse, std::uint32_t (&a)[4]) {
  constexpr float kNoFraction = 8388608.0F;  // the integer lies in the low bits
  std::uint32_t pair[4];
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    pair[n] = __byte_perm(__float_as_uint(fmaf(w[n][0], inverse, kNoFraction)),
                          __float_as_uint(fmaf(w[n][1], inverse, kNoFraction)), 0x5410);
  }
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const std::uint32_t x = pair[2 * half];
    const std::uint32_t y = pair[2 * half + 1];
    a[2 * half] = __byte_perm(x >> 7 & 0x007f007fU, y >> 7 & 0x007f007fU, 0x6420);
    a[2 * half + 1] = __byte_perm(x & 0x007f007fU, y & 0x007f007fU, 0x6420);
  }
}

// sum = sum decay + step (weights times values)
template <int kD>
__device__ inline void add_values_32(const std::uint32_t (&weights)[4], std::uint32_t values,
                                     float decay, float step, float (&sum)[kD / 16][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int m = 0; m < kD / 16; ++m) {
    std::uint32_t v[4];
    load_matrices_transposed(v, values + static_cast<std::uint32_t>(Int8Chunk<kD>::place(lane, m)));
    int even[4] = {};
    int odd[4] = {};
    product_int8(even, weights, __byte_perm(v[0], v[1], 0x6420), __byte_perm(v[2], v[3], 0x6420));
    product_int8(odd, weights, __byte_perm(v[0], v[1], 0x7531), __byte_perm(v[2], v[3], 0x7531));
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      sum[m][2 * i] = fmaf(sum[m][2 * i], decay, step * fixed_value(even[i], even[2 + i]));
      sum[m][2 * i + 1] = fmaf(sum[m][2 * i + 1], decay, step * fixed_value(odd[i], odd[2 + i]));
    }
  }
}

// A warp's 32 keys, of which the first `left` exist, at least one. scale_log2: with the head's.
template <int kD>
__device__ inline void attend_32(const Int8Heads<kD>& heads, std::uint32_t chunk, int left,
                                 float scale_log2, Int8Running<kD>& seen) {
  using Chunk = Int8Chunk<kD>;
  const int pair = static_cast<int>(threadIdx.x % 4) * 2;
  const std::uint32_t scales = chunk + static_cast<std::uint32_t>(Chunk::kScales + 4 * pair);
  float s[4][2];
  score_32<kD>(heads, chunk, s);
  float top = kNever;
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const float2 of = load_shared8(scales + static_cast<std::uint32_t>(32 * n));
    s[n][0] = 8 * n + pair < left ? s[n][0] * (scale_log2 * of.x) : -INFINITY;
    s[n][1] = 8 * n + pair + 1 < left ? s[n][1] * (scale_log2 * of.y) : -INFINITY;
    top = fmaxf(top, fmaxf(s[n][0], s[n][1]));
  }
  top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
  top = fmaxf(seen.best, fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2)));
  const float decay = power_of_two(seen.best - top);
  seen.best = top;
  float mass = 0.0F;
  float largest = 0.0F;
#pragma unroll
  for (int n = 0; n < 4; ++n) {
    const float2 of = load_shared8(scales + static_cast<std::uint32_t>(4 * Chunk::kKeys + 32 * n));
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const float p = power_of_two(s[n][e] - top);
      mass += p;
      s[n][e] = p * (e == 0 ? of.x : of.y);
      largest = fmaxf(largest, s[n][e]);
    }
  }
  seen.mass = seen.mass * decay + mass;
  largest = fmaxf(largest, __shfl_xor_sync(0xffffffffU, largest, 1));
  largest = fmaxf(largest, __shfl_xor_sync(0xffffffffU, largest, 2));
  std::uint32_t weights[4];
  pack_weights(s, largest > 1e-30F ? __fdividef(kFixedLevels, largest) : 0.0F, weights);
  add_values_32<kD>(weights, chunk + static_cast<std::uint32_t>(Chunk::kPlane), decay,
                    largest * (1.0F / kFixedLevels), seen.sum);
}

// The current token's key and value: not in memory yet when they are needed.
template <int kD>
struct Int8Fresh {
  alignas(16) std::int8_t row[2][kD];
  float scale[2];
};

// One layer's cache, for copies.
struct Int8Planes {
  const std::int8_t* k;
  const std::int8_t* v;
  const float* k_scale;
  const float* v_scale;
};

template <int kD>
struct Int8Keys : ChunksOf<Int8Chunk<kD>> {
  using Chunk = Int8Chunk<kD>;
  using ChunksOf<Chunk>::share;
  using ChunksOf<Chunk>::first;

  __device__ void copy(const Int8Planes& cache, int rows, std::uint32_t to) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int piece = lane % Chunk::kPieces;
    constexpr int kAtOnce = 32 / Chunk::kPieces;
#pragma unroll
    for (int i = 0; i < Chunk::kKeys / kAtOnce; ++i) {
      const int key = lane / Chunk::kPieces + kAtOnce * i;
      const int row = __shfl_sync(0xffffffffU, rows, key);
      if (row != kFresh) {
        const std::int64_t from = row >= 0 ? std::int64_t{row} * kD + 16 * piece : 0;
        const std::uint32_t at = to + static_cast<std::uint32_t>(Chunk::place(key, piece));
        copy16(at, cache.k + from, row >= 0);
        copy16(at + Chunk::kPlane, cache.v + from, row >= 0);
      }
    }
    if (rows != kFresh) {
      const std::uint32_t at = to + static_cast<std::uint32_t>(Chunk::kScales + 4 * lane);
      copy4(at, cache.k_scale + max(rows, 0), rows >= 0);
      copy4(at + 4 * Chunk::kKeys, cache.v_scale + max(rows, 0), rows >= 0);
    }
  }
  // The current token's key and value, where they belong in the chunk.
  __device__ void put_fresh(int chunk, const Int8Fresh<kD>& fresh, std::uint8_t* to) const {
    const int key = share.fresh - first(chunk);
    const int lane = static_cast<int>(threadIdx.x % 32);
    if (share.fresh >= share.end || key < 0 || key >= Chunk::kKeys) {
      return;
    }
    if (lane < 2 * Chunk::kPieces) {
      const int plane = lane / Chunk::kPieces;
      const int piece = lane % Chunk::kPieces;
      *reinterpret_cast<uint4*>(to + plane * Chunk::kPlane + Chunk::place(key, piece)) =
          *reinterpret_cast<const uint4*>(fresh.row[plane] + 16 * piece);
    }
    if (lane < 2) {
      *reinterpret_cast<float*>(to + Chunk::kScales + 4 * (lane * Chunk::kKeys + key)) =
          fresh.scale[lane];
    }
  }
};

// make_heads() where the current key and value become int8.
template <int kD>
__device__ inline void make_heads(const HeadsOf& of, const KvView& kv, const Share& share,
                                  const Turn<kD>& turn, std::uint16_t (&q)[kHeads][kD],
                                  Int8Fresh<kD>& fresh) {
  const int group = of.heads / kv.kv_heads;
  const int warps = static_cast<int>(blockDim.x / 32);
  const int lane = static_cast<int>(threadIdx.x % 32);
  const bool owner = share.begin <= share.fresh && share.fresh < share.end;
  for (int job = static_cast<int>(threadIdx.x / 32); job < group + (owner ? 2 : 0); job += warps) {
    if (job < group) {
      const int at = (share.kv_head * group + job) * kD;
      make_head<kD>(of.x + at, of.q_norm, of.eps, turn, q[job],
                    of.q != nullptr ? of.q + at : nullptr);
      continue;
    }
    const bool is_key = job == group;
    const int head = of.heads + (is_key ? 0 : kv.kv_heads) + share.kv_head;
    const Channels<kD> x(of.x + head * kD, is_key ? of.k_norm : nullptr, of.eps, turn);
    const Int8Scale scale = int8_scale(warp_max(x.largest()));
    const std::int64_t row = of.slot >= 0 ? cache_row(kv, of.slot, share.kv_head) : -1;
    std::int8_t* shared = fresh.row[job - group];
    std::int8_t* out = static_cast<std::int8_t*>(is_key ? of.k : of.v) + row * kD;
#pragma unroll
    for (int i = 0; i < kD / 64; ++i) {
      const int c = lane + 32 * i;
      shared[c] = static_cast<std::int8_t>(to_int8(x.low[i], scale));
      shared[c + kD / 2] = static_cast<std::int8_t>(to_int8(x.high[i], scale));
      if (row >= 0) {
        out[c] = shared[c];
        out[c + kD / 2] = shared[c + kD / 2];
      }
    }
    if (lane == 0) {
      fresh.scale[job - group] = scale.scale;
      if (row >= 0) {
        (is_key ? of.k_scale : of.v_scale)[row] = scale.scale;
      }
    }
  }
}

}  // namespace monocle::cuda::step
