// SPDX-License-Identifier: Apache-2.0
// Which keys a block of attend_step takes, where they lie in the cache, and how a warp brings them
// into shared memory, 16 at a time from a cache of bf16. What a cache of int8 does otherwise:
// attend_int8.cuh.
#pragma once

#include "cuda/kernels/attend_splits.cuh"
#include "cuda/kernels/attend_tiles.cuh"

namespace monocle::cuda::step {

inline constexpr int kNowhere = -1;  // zeros instead of a key
inline constexpr int kFresh = -2;    // the current token's: not in memory yet

// This block's part of the keys one query sees.
struct Share {
  Visible seen;
  int kv_head;
  int begin;
  int end;
  int fresh;  // index of the current token, or -1

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

// The 16 keys that a warp takes at a time and their values, in shared memory.
template <int kD>
struct Chunk {
  static constexpr int kKeys = 16;
  static constexpr int kPieces = kD / 8;  // of a row, 16 bytes each
  static constexpr int kPlane = kKeys * 2 * kD;
  static constexpr int kBytes = 2 * kPlane;
  std::uint32_t at;

  __device__ static constexpr int place(int key, int piece) {
    return key * 2 * kD + (piece ^ (key & 7)) * 16;
  }
  __device__ std::uint32_t key(int row, int piece) const {
    return at + static_cast<std::uint32_t>(place(row, piece));
  }
  __device__ std::uint32_t value(int row, int piece) const { return key(row, piece) + kPlane; }
};

// A warp's chunks of a block's share of the keys, of whatever format.
template <class Chunk>
struct ChunksOf {
  const AttendPagedArgs& a;
  const Share& share;
  int warps;

  __device__ int chunks() const {  // of this warp
    const int all =
        share.begin < share.end ? (share.end - share.begin + Chunk::kKeys - 1) / Chunk::kKeys : 0;
    return (all - static_cast<int>(threadIdx.x / 32) + warps - 1) / warps;
  }
  __device__ int first(int chunk) const {
    return share.begin + (chunk * warps + static_cast<int>(threadIdx.x / 32)) * Chunk::kKeys;
  }
  // Row of the cache of key lane % kKeys of a chunk.
  __device__ int look_up(int chunk) const {
    return chunk < chunks()
               ? share.row(a, first(chunk) + static_cast<int>(threadIdx.x % Chunk::kKeys))
               : kNowhere;
  }
};

template <int kD>
struct WarpKeys : ChunksOf<Chunk<kD>> {
  using Chunk = step::Chunk<kD>;
  using ChunksOf<Chunk>::share;
  using ChunksOf<Chunk>::first;

  __device__ void copy(const void* k, const void* v, int rows, std::uint32_t to) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int piece = lane % Chunk::kPieces;
    constexpr int kAtOnce = 32 / Chunk::kPieces;
#pragma unroll
    for (int i = 0; i < Chunk::kKeys / kAtOnce; ++i) {
      const int key = lane / Chunk::kPieces + kAtOnce * i;
      const int row = __shfl_sync(0xffffffffU, rows, key);
      if (row != kFresh) {
        const std::int64_t from = row >= 0 ? std::int64_t{row} * (2 * kD) + 16 * piece : 0;
        const std::uint32_t at = to + static_cast<std::uint32_t>(Chunk::place(key, piece));
        copy16(at, static_cast<const std::uint8_t*>(k) + from, row >= 0);
        copy16(at + Chunk::kPlane, static_cast<const std::uint8_t*>(v) + from, row >= 0);
      }
    }
  }
  // The current token's key and value, where they belong in the chunk.
  __device__ void put_fresh(int chunk, const std::uint16_t (&fresh)[2][kD],
                            std::uint8_t* to) const {
    const int key = share.fresh - first(chunk);
    const int lane = static_cast<int>(threadIdx.x % 32);
    if (share.fresh >= share.end || key < 0 || key >= Chunk::kKeys || lane >= 2 * Chunk::kPieces) {
      return;
    }
    const int plane = lane / Chunk::kPieces;
    const int piece = lane % Chunk::kPieces;
    *reinterpret_cast<uint4*>(to + plane * Chunk::kPlane + Chunk::place(key, piece)) =
        *reinterpret_cast<const uint4*>(fresh[plane] + piece * 8);
  }
};

}  // namespace monocle::cuda::step
