// SPDX-License-Identifier: Apache-2.0
// Attention of many queries on compute capability 9.0: y = softmax(scale q kᵀ) v with a running
// maximum, bf16, sums float32. The tasks: attend_sm90.cu.
//
// A block takes 64 kGroups queries of one head, 64 for each of kGroups warpgroups, and all keys,
// 128 at a time; one warp asks the copy engine for queries, keys and values, two stages ahead. A
// warpgroup multiplies the next keys and the values of the last ones (wgmma) while it turns scores
// into probabilities, which stay in registers. Moves 4 D bytes per key and block for
// 256 kGroups D operations.
#pragma once

#include <cmath>

#include "cuda/kernels/wgmma.cuh"

namespace monocle::cuda {
namespace {

constexpr int kKeys = 128;  // of a stage
constexpr int kStages = 2;
constexpr int kRowBytes = 128;  // 64 channels: wider heads lie in several planes
constexpr float kLog2E = 1.4426950408889634F;

// kStaging: bytes of raw keys and values, where they are not copied as they are used.
template <int kD, int kGroups, int kStaging = 0>
struct Room {
  static constexpr bool kWidens = kStaging > 0;
  static constexpr int kPlanes = kD / 64;
  static constexpr int kQueries = 64 * kGroups;
  static constexpr int kQueryPlane = kQueries * kRowBytes;
  static constexpr int kKeyPlane = kKeys * kRowBytes;
  static constexpr int kStageBytes = kPlanes * kKeyPlane;  // keys, or values
  static constexpr int kKeysAt = kPlanes * kQueryPlane;
  static constexpr int kValuesAt = kKeysAt + kStages * kStageBytes;
  static constexpr int kStagingAt = kValuesAt + kStages * kStageBytes;
  static constexpr int kBarriersAt = kStagingAt + kStaging;
  static constexpr std::size_t kSharedBytes = 1024 + kBarriersAt + 8 * (1 + 4 * kStages);
  static constexpr int kThreads = 128 * (kGroups + 1);
};

#if defined(MONOCLE_SM90A)
using namespace sm90;

__device__ inline float power_of_two(float x) {
  float out;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(out) : "f"(x));
  return out;
}

__device__ inline void put_pair(const TensorView& y, std::int64_t at, float first, float second) {
  if (y.dtype == DType::kBF16 && (at & 1) == 0) {
    *reinterpret_cast<std::uint32_t*>(static_cast<std::uint16_t*>(y.data) + at) =
        to_bf16_pair(first, second);
  } else {
    store(y.data, y.dtype, at, first);
    store(y.data, y.dtype, at + 1, second);
  }
}

// A task: which rows a block works on. open() finds them, false: none. Queries of the block are
// i = 0 .. queries, keys j = 0 .. keys; query i sees the first limit(i) of them. copy_* are called
// by all lanes of one warp.
template <class R>
struct Barriers {
  std::uint32_t base;
  __device__ std::uint32_t queries() const { return base; }
  __device__ std::uint32_t keys(int stage) const { return base + 8 * (1 + stage); }
  __device__ std::uint32_t values(int stage) const { return base + 8 * (1 + kStages + stage); }
  __device__ std::uint32_t keys_free(int stage) const { return keys(2 * kStages + stage); }
  __device__ std::uint32_t values_free(int stage) const { return keys(3 * kStages + stage); }
};

template <class R, class Task>
__device__ inline void produce(const Task& task, std::uint32_t room, const Barriers<R>& at,
                               int tiles) {
  const bool first = threadIdx.x == 0;
  if (first) {
    barrier_expect(at.queries(), R::kPlanes * R::kQueryPlane);
  }
  __syncwarp();
  task.copy_q(room, at.queries());
  for (int tile = 0; tile < tiles; ++tile) {
    const int stage = tile % kStages;
    const unsigned free_parity = static_cast<unsigned>(tile / kStages + 1) & 1U;
    barrier_wait(at.keys_free(stage), free_parity);
    if (first) {
      barrier_expect(at.keys(stage), R::kStageBytes);
    }
    __syncwarp();
    task.copy_k(room + R::kKeysAt + stage * R::kStageBytes, tile, at.keys(stage));
    barrier_wait(at.values_free(stage), free_parity);
    if (first) {
      barrier_expect(at.values(stage), R::kStageBytes);
    }
    __syncwarp();
    task.copy_v(room + R::kValuesAt + stage * R::kStageBytes, tile, at.values(stage));
  }
}

// What a warpgroup holds: per thread rows g and g + 8 (h = 0, 1) of its 64 queries.
template <int kD>
struct Rows {
  float score[kKeys / 2];
  std::uint32_t p[kKeys / 16][4];  // probabilities as the first operand of 16 keys each
  float sum[kD / 2];
  float best[2] = {-INFINITY, -INFINITY};  // times scale, as powers of two
  float mass[2] = {};
};

template <class R, int kD>
__device__ inline void multiply_keys(Rows<kD>& rows, std::uint32_t q, std::uint32_t k) {
#pragma unroll
  for (int plane = 0; plane < R::kPlanes; ++plane) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      product_bf16(rows.score, matrix(q + plane * R::kQueryPlane + 32 * c),
                   matrix(k + plane * R::kKeyPlane + 32 * c), plane + c > 0 ? 1 : 0);
    }
  }
  products_commit();
}

template <class R, int kD>
__device__ inline void multiply_values(Rows<kD>& rows, std::uint32_t v, bool add) {
#pragma unroll
  for (int c = 0; c < kKeys / 16; ++c) {
    product_across(rows.sum, rows.p[c], matrix(v + 16 * kRowBytes * c, R::kKeyPlane),
                   add || c > 0 ? 1 : 0);
  }
  products_commit();
}

// Scores to probabilities (still in score); decay is what older sums must be multiplied with.
template <bool kMasked, int kD, class Task>
__device__ inline void soften(const Task& task, Rows<kD>& rows, int row, int tile, float scale_log2,
                              float (&decay)[2]) {
  const int t = static_cast<int>(threadIdx.x % 4);
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const int limit = kMasked ? task.limit(row + 8 * h) - tile * kKeys - 2 * t : 0;
    float top = -INFINITY;
#pragma unroll
    for (int j = 0; j < kKeys / 8; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        float& score = rows.score[4 * j + 2 * h + e];
        if (kMasked) {
          score = 8 * j + e < limit ? score : -INFINITY;
        }
        top = fmaxf(top, score);
      }
    }
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 1));
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, 2));
    const float best = fmaxf(rows.best[h], scale_log2 * top);  // the first key is always seen
    decay[h] = power_of_two(rows.best[h] - best);
    rows.best[h] = best;
    float mass = 0.0F;
#pragma unroll
    for (int j = 0; j < kKeys / 8; ++j) {
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        float& score = rows.score[4 * j + 2 * h + e];
        score = power_of_two(fmaf(score, scale_log2, -best));
        mass += score;
      }
    }
    rows.mass[h] = rows.mass[h] * decay[h] + mass;
  }
}

template <int kD>
__device__ inline void pack(Rows<kD>& rows) {
#pragma unroll
  for (int c = 0; c < kKeys / 16; ++c) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      rows.p[c][i] = to_bf16_pair(rows.score[8 * c + 2 * i], rows.score[8 * c + 2 * i + 1]);
    }
  }
}

template <int kD>
__device__ inline void fade(Rows<kD>& rows, const float (&decay)[2]) {
  if (__any_sync(0xffffffffU, decay[0] != 1.0F || decay[1] != 1.0F)) {
#pragma unroll
    for (int i = 0; i < kD / 2; ++i) {
      rows.sum[i] *= decay[i / 2 % 2];
    }
  }
}

template <class R, int kD, class Task>
__device__ inline void consume(const Task& task, std::uint32_t room, const Barriers<R>& at,
                               int tiles) {
  const int group = static_cast<int>(threadIdx.x) / 128 - 1;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int row = group * 64 + static_cast<int>(threadIdx.x) % 128 / 32 * 16 + lane / 4;
  const bool signals = threadIdx.x % 128 == 0;
  const float scale_log2 = task.scale() * kLog2E;
  const int all_see = task.limit(group * 64);  // keys that all of the group's queries see
  const std::uint32_t q = room + group * 64 * kRowBytes;
  const auto keys = [&](int tile) { return room + R::kKeysAt + tile % kStages * R::kStageBytes; };
  const auto values = [&](int tile) {
    return room + R::kValuesAt + tile % kStages * R::kStageBytes;
  };
  const auto parity = [](int tile) { return static_cast<unsigned>(tile / kStages) & 1U; };
  Rows<kD> rows;
  float decay[2];
  const auto soften_tile = [&](int tile) {
    if ((tile + 1) * kKeys <= all_see) {
      soften<false>(task, rows, row, tile, scale_log2, decay);
    } else {
      soften<true>(task, rows, row, tile, scale_log2, decay);
    }
  };

  barrier_wait(at.queries(), 0);
  barrier_wait(at.keys(0), 0);
  products_begin();
  multiply_keys<R>(rows, q, keys(0));
  products_wait<0>();
  pin(rows.score);
  if (signals) {
    barrier_arrive(at.keys_free(0));
  }
  soften_tile(0);
  pack(rows);
  for (int tile = 1; tile < tiles; ++tile) {
    const int stage = tile % kStages;
    const int before = (tile - 1) % kStages;
    barrier_wait(at.keys(stage), parity(tile));
    products_begin();
    multiply_keys<R>(rows, q, keys(tile));
    barrier_wait(at.values(before), parity(tile - 1));
    products_begin();
    multiply_values<R>(rows, values(tile - 1), tile > 1);
    products_wait<1>();
    pin(rows.score);
    if (signals) {
      barrier_arrive(at.keys_free(stage));
    }
    soften_tile(tile);
    products_wait<0>();
    pin(rows.sum);
    if (signals) {
      barrier_arrive(at.values_free(before));
    }
    fade(rows, decay);
    pack(rows);
  }
  barrier_wait(at.values((tiles - 1) % kStages), parity(tiles - 1));
  products_begin();
  multiply_values<R>(rows, values(tiles - 1), tiles > 1);
  products_wait<0>();
  pin(rows.sum);

#pragma unroll
  for (int h = 0; h < 2; ++h) {
    float mass = rows.mass[h];
    mass += __shfl_xor_sync(0xffffffffU, mass, 1);
    mass += __shfl_xor_sync(0xffffffffU, mass, 2);
    const float inverse = 1.0F / mass;
    if (row + 8 * h < task.queries) {
#pragma unroll
      for (int j = 0; j < kD / 8; ++j) {
        task.put(row + 8 * h, 8 * j + lane % 4 * 2, rows.sum[4 * j + 2 * h] * inverse,
                 rows.sum[4 * j + 2 * h + 1] * inverse);
      }
    }
  }
}

template <class R, int kD, class Task>
__device__ inline void attend(Task& task) {
  constexpr int kGroups = R::kThreads / 128 - 1;
  extern __shared__ uint4 shared[];
  const std::uint32_t room = (shared_address(shared) + 1023U) & ~1023U;
  const Barriers<R> at{room + R::kBarriersAt};
  if (threadIdx.x == 0) {
    for (int i = 0; i <= 2 * kStages; ++i) {
      barrier_init(at.queries() + 8 * i, R::kWidens && i > 0 ? 128 : 1);
    }
    for (int i = 0; i < kStages; ++i) {
      barrier_init(at.keys_free(i), kGroups);
      barrier_init(at.values_free(i), kGroups);
    }
    barrier_init_done();
  }
  pdl_launch_next();
  pdl_wait();
  if (!task.open()) {
    return;
  }
  __syncthreads();
  const int tiles = (task.keys + kKeys - 1) / kKeys;
  if (threadIdx.x < 128) {
    give_registers<R::kWidens ? 64 : kGroups == 3 ? 32 : kGroups == 2 ? 40 : 56>();
    if constexpr (R::kWidens) {
      task.template widen<R>(room, at, tiles);
    } else if (threadIdx.x < 32) {
      produce<R>(task, room, at, tiles);
    }
  } else {
    take_registers<kGroups == 3 ? 160 : R::kWidens ? 216 : 232>();
    consume<R, kD>(task, room, at, tiles);
  }
}
#endif

}  // namespace
}  // namespace monocle::cuda
