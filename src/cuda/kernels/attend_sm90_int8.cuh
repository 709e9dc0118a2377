// SPDX-License-Identifier: Apache-2.0
// Keys and values of an int8 cache for attend_sm90.cuh: the four warps of the producing group widen
// them to bf16 where the copy engine would have put them.
//
// A thread asks for its 16-byte pieces of a tile by cp.async, into a staging room that only it
// reads, so that nobody meets; while the keys of a tile are widened the values are on their way,
// and the next keys while the values are. Rows behind the last key are zeros.
#pragma once

#include "cuda/kernels/attend_sm90.cuh"
#include "cuda/kernels/kv_int8.cuh"

namespace monocle::cuda {
namespace {

// Behind the Room: raw keys and values of a tile, then their scales.
template <int kD>
struct Int8Staging {
  static constexpr int kRaw = kKeys * kD;
  static constexpr int kBytes = 2 * kRaw + 2 * kKeys * 4;
};

#if defined(MONOCLE_SM90A)
// What the copy engine did not write must be made visible to the tensor cores.
__device__ inline void stores_visible_to_products() {
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

template <class R, int kD>
struct Widener {
  static constexpr int kPieces = kD / 16;
  static constexpr int kAtOnce = 128 / kPieces;  // keys of the group's threads
  const KvView& kv;
  const std::int32_t* table;
  int kv_head;
  int keys;
  std::uint32_t staging;

  __device__ int piece() const { return static_cast<int>(threadIdx.x) % kPieces; }
  __device__ int key(int i) const { return static_cast<int>(threadIdx.x) / kPieces + kAtOnce * i; }

  // which: 0 keys, 1 values.
  __device__ void ask(int tile, int which) const {
    const int shift = 31 - __clz(kv.block_tokens);
    const auto* from = static_cast<const std::int8_t*>(which == 0 ? kv.k : kv.v);
    const float* scales = which == 0 ? kv.k_scale : kv.v_scale;
    const std::uint32_t raw = staging + static_cast<std::uint32_t>(which * Int8Staging<kD>::kRaw);
    const std::uint32_t to_scale =
        staging + static_cast<std::uint32_t>(2 * Int8Staging<kD>::kRaw + which * kKeys * 4);
#pragma unroll
    for (int i = 0; i < kKeys / kAtOnce; ++i) {
      const int j = tile * kKeys + key(i);
      const int block = j < keys ? table[j >> shift] : -1;
      const std::int64_t row = block < 0
                                   ? 0
                                   : ((std::int64_t{block} * kv.kv_heads + kv_head) << shift) +
                                         (j & (kv.block_tokens - 1));
      copy16(raw + static_cast<std::uint32_t>(key(i) * kD + piece() * 16),
             from + row * kD + piece() * 16, block >= 0);
      if (piece() == 0) {
        copy4(to_scale + static_cast<std::uint32_t>(4 * key(i)), scales + row, block >= 0);
      }
    }
    copy_commit();
  }
  // A tile that has arrived to a stage of bf16. The threads of a key are of one warp.
  __device__ void widen(int which, std::uint32_t stage) const {
    const std::uint32_t raw = staging + static_cast<std::uint32_t>(which * Int8Staging<kD>::kRaw);
    const std::uint32_t from_scale =
        staging + static_cast<std::uint32_t>(2 * Int8Staging<kD>::kRaw + which * kKeys * 4);
    const int swap = kD == 128 ? piece() / 4 : 0;  // the planes' pieces lie in the same banks
#pragma unroll 2
    for (int i = 0; i < kKeys / kAtOnce; ++i) {
      const int row = key(i);
      const uint4 four = load_shared16(raw + static_cast<std::uint32_t>(row * kD + piece() * 16));
      const float scale = load_shared4(from_scale + static_cast<std::uint32_t>(4 * row));
      const auto [first, second] = widen_scaled(four, scale);
      const std::uint32_t to =
          stage + static_cast<std::uint32_t>(piece() / 4 * R::kKeyPlane + row * kRowBytes);
      const int p = piece() % 4 * 2 + swap;
      store_shared16(to + static_cast<std::uint32_t>((p ^ (row & 7)) * 16),
                     swap != 0 ? second : first);
      store_shared16(to + static_cast<std::uint32_t>(((p ^ 1) ^ (row & 7)) * 16),
                     swap != 0 ? first : second);
    }
    stores_visible_to_products();
  }
};

// By all 128 threads of the producing group; keys() and values() count as many arrivals.
template <class R, int kD, class Task>
__device__ inline void produce_int8(const Task& task, std::uint32_t room, const Barriers<R>& at,
                                    int tiles) {
  const Widener<R, kD> widener{task.p.attend.kv, task.table, task.kv_head, task.keys,
                               room + R::kStagingAt};
  widener.ask(0, 0);
  widener.ask(0, 1);
  if (threadIdx.x < 32) {
    if (threadIdx.x == 0) {
      barrier_expect(at.queries(), R::kPlanes * R::kQueryPlane);
    }
    __syncwarp();
    task.copy_q(room, at.queries());
  }
  for (int tile = 0; tile < tiles; ++tile) {
    const int stage = tile % kStages;
    const unsigned free_parity = static_cast<unsigned>(tile / kStages + 1) & 1U;
#pragma unroll
    for (int which = 0; which < 2; ++which) {
      const int area = which == 0 ? R::kKeysAt : R::kValuesAt;
      barrier_wait(which == 0 ? at.keys_free(stage) : at.values_free(stage), free_parity);
      copy_wait<1>();  // the other half is on its way
      __syncwarp();
      widener.widen(which, room + area + stage * R::kStageBytes);
      barrier_arrive(which == 0 ? at.keys(stage) : at.values(stage));
      __syncwarp();
      if (tile + 1 < tiles) {
        widener.ask(tile + 1, which);
      } else {
        copy_commit();
      }
    }
  }
}
#endif

}  // namespace
}  // namespace monocle::cuda
