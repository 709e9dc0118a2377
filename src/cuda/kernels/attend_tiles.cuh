// SPDX-License-Identifier: Apache-2.0
// Attention of many queries on the tensor cores: y = softmax(scale q kᵀ) v with a running maximum,
// never storing the scores. bf16 operands, float32 scores and sums; the probabilities are rounded
// to bf16 for the second product and divided by the sum of what they were rounded to.
//
// A block of 4 warps takes 64 queries of one head, 16 per warp; keys and values pass through shared
// memory 64 at a time, the next 64 on their way while these are used. Rows of kD channels are
// padded by 16 bytes, so that the eight rows of a matrix lie in different banks. Moves 4 D bytes
// per key and block, does 4 * 64 * D operations for it.
//
// A Plan says which rows a block works on:
//   bool open(args)           false: nothing to do in this block
//   int queries, keys         of the block's tile; key indices start at 0
//   q(i)                      a row of bf16;  k_base(), v_base(), row(j)  where key j lies from
//   there, < 0 = zeros bool sees(i, j)           the mask;  int next(tile)  the first tile of 64
//   keys from `tile` on that any query sees bool full(tile, i)        whether query i and those
//   behind it see every key of the tile void put(i, c, a, b)      stores channels c, c + 1 of query
//   i
//   kInt8             keys and values are int8, k_scale() and v_scale() their scales by row(j) / kD
//
// Keys and values of int8 arrive in two stages of their own; the block widens each tile to bf16
// before it uses it.
#pragma once

#include <type_traits>

#include "cuda/kernels/kv_int8.cuh"

namespace monocle::cuda {

inline constexpr int kTileQueries = 64;
inline constexpr int kTileKeys = 64;
inline constexpr int kTileThreads = 128;
inline constexpr float kLog2E = 1.4426950408889634F;

__device__ inline float power_of_two(float x) {
  float out;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(x));
  return out;
}

template <int kD>
struct TileShape {
  static constexpr int kPitch = 2 * (kD + 8);        // bytes
  static constexpr int kPlane = kTileKeys * kPitch;  // keys or values
  static constexpr int kSharedBytes = 4 * kPlane;    // two stages
};

template <int kD, class Plan>
__device__ inline void copy_keys(const Plan& plan, std::uint32_t stage, int tile, int d) {
  constexpr int kPieces = kD / 8;
#pragma unroll
  for (int i = static_cast<int>(threadIdx.x); i < kTileKeys * kPieces; i += kTileThreads) {
    const int j = tile * kTileKeys + i / kPieces;
    const int c = i % kPieces * 8;
    const std::int64_t row = j < plan.keys && c < d ? plan.row(j) : -1;
    const std::int64_t at = row >= 0 ? row + c : 0;
    const std::uint32_t to =
        stage + static_cast<std::uint32_t>(i / kPieces * TileShape<kD>::kPitch + 2 * c);
    copy16(to, plan.k_base() + at, row >= 0);
    copy16(to + TileShape<kD>::kPlane, plan.v_base() + at, row >= 0);
  }
}

// Tiles of bf16: two stages, filled by copies.
template <int kD, class Plan>
struct WideStages {
  std::uint32_t room;
  __device__ void copy(const Plan& plan, int stage, int tile, int d) const {
    copy_keys<kD>(plan, keys(plan, stage), tile, d);
  }
  // Where the stage's keys lie, values behind them.
  __device__ std::uint32_t keys(const Plan&, int stage) const {
    return room + static_cast<std::uint32_t>(stage * 2 * TileShape<kD>::kPlane);
  }
};

// Tiles of int8: two stages as they come, and one of bf16.
template <int kD, class Plan>
struct Int8Stages {
  static constexpr int kPieces = kD / 16;
  static constexpr int kPlane = kTileKeys * kD;  // keys or values
  static constexpr int kScales = 2 * kPlane;     // behind them: of the keys, of the values
  static constexpr int kStage = kScales + 2 * kTileKeys * 4;
  static_assert(2 * TileShape<kD>::kPlane + 2 * kStage <= TileShape<kD>::kSharedBytes);
  std::uint32_t room;

  __device__ std::uint32_t raw(int stage) const {
    return room + static_cast<std::uint32_t>(2 * TileShape<kD>::kPlane + stage * kStage);
  }
  __device__ void copy(const Plan& plan, int stage, int tile, int) const {
    const std::uint32_t to = raw(stage);
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < kTileKeys * kPieces; i += kTileThreads) {
      const int j = tile * kTileKeys + i / kPieces;
      const std::int64_t row = j < plan.keys ? plan.row(j) : -1;
      const std::int64_t at = row >= 0 ? row + i % kPieces * 16 : 0;
      copy16(to + static_cast<std::uint32_t>(i * 16), plan.k_base() + at, row >= 0);
      copy16(to + static_cast<std::uint32_t>(kPlane + i * 16), plan.v_base() + at, row >= 0);
    }
    const int i = static_cast<int>(threadIdx.x) % kTileKeys;
    const bool values = static_cast<int>(threadIdx.x) >= kTileKeys;
    const int j = tile * kTileKeys + i;
    const std::int64_t row = j < plan.keys ? plan.row(j) : -1;
    copy4(to + static_cast<std::uint32_t>(kScales + 4 * static_cast<int>(threadIdx.x)),
          (values ? plan.v_scale() : plan.k_scale()) + (row >= 0 ? row / kD : 0), row >= 0);
  }
  // The whole block must call it, behind a barrier that says the copies are there.
  __device__ std::uint32_t keys(const Plan&, int stage) const {
    const std::uint32_t from = raw(stage);
    const int swap = static_cast<int>(threadIdx.x) / 4 % 2;  // neighbours meet different banks
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < 2 * kTileKeys * kPieces; i += kTileThreads) {
      const int key = i / kPieces;  // values behind the keys, as in both stages
      const uint4 four = load_shared16(from + static_cast<std::uint32_t>(16 * i));
      const float scale = load_shared4(from + static_cast<std::uint32_t>(kScales + 4 * key));
      const auto [first, second] = widen_scaled(four, scale);
      const std::uint32_t to =
          room + static_cast<std::uint32_t>(key * TileShape<kD>::kPitch + i % kPieces * 32);
      store_shared16(to + static_cast<std::uint32_t>(16 * swap), swap != 0 ? second : first);
      store_shared16(to + static_cast<std::uint32_t>(16 - 16 * swap), swap != 0 ? first : second);
    }
    __syncthreads();
    return room;
  }
};

template <int kD, class Plan>
using StagesOf = std::conditional_t<Plan::kInt8, Int8Stages<kD, Plan>, WideStages<kD, Plan>>;

// Scores of the warp's 16 queries and 64 keys.
template <int kD>
__device__ inline void score_tile(const std::uint32_t (&q)[kD / 16][4], std::uint32_t keys,
                                  float (&s)[8][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int n = 0; n < 8; ++n) {
    s[n][0] = s[n][1] = s[n][2] = s[n][3] = 0.0F;
  }
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
#pragma unroll
    for (int n = 0; n < 8; n += 2) {
      std::uint32_t k[4];
      const int row = 8 * n + lane / 16 * 8 + lane % 8;
      load_matrices(k, keys + static_cast<std::uint32_t>(row * TileShape<kD>::kPitch +
                                                         (2 * c + lane / 8 % 2) * 16));
      const std::uint32_t k0[2] = {k[0], k[1]};
      const std::uint32_t k1[2] = {k[2], k[3]};
      mma_bf16(s[n], q[c], k0);
      mma_bf16(s[n + 1], q[c], k1);
    }
  }
}

// sum += probabilities * values; p[n][h] are columns 2 t, 2 t + 1 of row g + 8 h.
template <int kD>
__device__ inline void add_values(const std::uint32_t (&p)[8][2], std::uint32_t values,
                                  float (&sum)[kD / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int j = 0; j < kTileKeys / 16; ++j) {
    const std::uint32_t a[4] = {p[2 * j][0], p[2 * j][1], p[2 * j + 1][0], p[2 * j + 1][1]};
#pragma unroll
    for (int n = 0; n < kD / 8; n += 2) {
      std::uint32_t v[4];
      const int row = 16 * j + lane / 8 % 2 * 8 + lane % 8;
      load_matrices_transposed(v, values + static_cast<std::uint32_t>(row * TileShape<kD>::kPitch +
                                                                      (n + lane / 16) * 16));
      const std::uint32_t v0[2] = {v[0], v[1]};
      const std::uint32_t v1[2] = {v[2], v[3]};
      mma_bf16(sum[n], a, v0);
      mma_bf16(sum[n + 1], a, v1);
    }
  }
}

// Turns scores into probabilities against the running maximum; rows g and g + 8 of the warp are h =
// 0, 1.
template <int kD, bool kMasked, class Plan>
__device__ inline void soften(const Plan& plan, int first_query, int tile, float scale_log2,
                              float (&s)[8][4], std::uint32_t (&p)[8][2], float (&best)[2],
                              float (&mass)[2], float (&sum)[kD / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float top = -INFINITY;
#pragma unroll
    for (int n = 0; n < 8; ++n) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        float& score = s[n][2 * h + e];
        if (kMasked) {
          const int key = tile * kTileKeys + 8 * n + lane % 4 * 2 + e;
          const int query = first_query + lane / 4 + 8 * h;
          score = key < plan.keys && plan.sees(query, key) ? score : -INFINITY;
        }
        top = fmaxf(top, score);
      }
    }
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
    top = fmaxf(best[h], scale_log2 * fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2)));
    const float base = top == -INFINITY ? 0.0F : top;  // a row that sees nothing yet
    const float decay = power_of_two(best[h] - base);
    best[h] = top;
    mass[h] *= decay;
#pragma unroll
    for (int n = 0; n < 8; ++n) {
      p[n][h] = to_bf16_pair(power_of_two(fmaf(s[n][2 * h], scale_log2, -base)),
                             power_of_two(fmaf(s[n][2 * h + 1], scale_log2, -base)));
      mass[h] += bf16_low(p[n][h]) +
                 bf16_high(p[n][h]);  // of the rounded ones: the weights then add up to one
    }
#pragma unroll
    for (int n = 0; n < kD / 8; ++n) {
      sum[n][2 * h] *= decay;
      sum[n][2 * h + 1] *= decay;
    }
  }
}

template <int kD, class Plan>
__device__ inline void attend_tile(const Plan& plan, int d, float scale) {
  extern __shared__ uint4 shared[];
  using Shape = TileShape<kD>;
  const StagesOf<kD, Plan> stages{shared_address(shared)};
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int first_query = static_cast<int>(threadIdx.x / 32) * 16;
  const int tiles = (plan.keys + kTileKeys - 1) / kTileKeys;
  int tile = plan.next(0);
  if (tile < tiles) {
    stages.copy(plan, 0, tile, d);
  }
  copy_commit();

  std::uint32_t q[kD / 16][4];
#pragma unroll
  for (int c = 0; c < kD / 16; ++c) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int query = first_query + lane / 4 + i % 2 * 8;
      const int column = 16 * c + lane % 4 * 2 + i / 2 * 8;
      const std::uint16_t* row = query < plan.queries && column < d ? plan.q(query) : nullptr;
      q[c][i] = row != nullptr ? __ldcg(reinterpret_cast<const std::uint32_t*>(row + column)) : 0U;
    }
  }
  float sum[kD / 8][4] = {};
  float best[2] = {-INFINITY, -INFINITY};
  float mass[2] = {};
  for (int stage = 0; tile < tiles; stage ^= 1) {
    const int ahead = plan.next(tile + 1);
    if (ahead < tiles) {
      stages.copy(plan, stage ^ 1, ahead, d);
    }
    copy_commit();
    copy_wait<1>();
    __syncthreads();
    const std::uint32_t keys = stages.keys(plan, stage);
    float s[8][4];
    score_tile<kD>(q, keys, s);
    std::uint32_t p[8][2];
    if (plan.full(tile, first_query)) {
      soften<kD, false>(plan, first_query, tile, scale * kLog2E, s, p, best, mass, sum);
    } else {
      soften<kD, true>(plan, first_query, tile, scale * kLog2E, s, p, best, mass, sum);
    }
    add_values<kD>(p, keys + Shape::kPlane, sum);
    __syncthreads();
    tile = ahead;
  }
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int query = first_query + lane / 4 + 8 * h;
    mass[h] += __shfl_xor_sync(0xffffffffU, mass[h], 1);
    mass[h] += __shfl_xor_sync(0xffffffffU, mass[h], 2);
    if (query >= plan.queries) {
      continue;
    }
    const float inverse = 1.0F / mass[h];
#pragma unroll
    for (int n = 0; n < kD / 8; ++n) {
      const int column = 8 * n + lane % 4 * 2;
      if (column < d) {
        plan.put(query, column, sum[n][2 * h] * inverse, sum[n][2 * h + 1] * inverse);
      }
    }
  }
}

}  // namespace monocle::cuda
