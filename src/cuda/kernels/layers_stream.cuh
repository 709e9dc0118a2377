// SPDX-License-Identifier: Apache-2.0
// The weights of all layers as one stream per warp, in the order in which layers_sm90.cu uses them:
// a warp asks for what it will need a few stages later, also when a barrier lies between.
//
// The tensor copy engine brings them, 8 rows and 128 bytes at a time, of int4 8 rows and 256
// columns. Copies by threads (cp.async) go through the same queue as every other access of the
// block: with a ring full of them under way, each barrier took two microseconds.
#pragma once

#include "cuda/int4_tiles.h"
#include "cuda/kernels/grid_barrier.cuh"
#include "cuda/kernels/linear_stream.cuh"
#include "cuda/kernels/sm90.cuh"
#include "cuda/step_program.h"

namespace monocle::cuda::layers {

// The largest magnitude of the bf16 that a warp holds, eight a lane, as its bits. Infinities and
// what is not a number come out on top.
__device__ inline std::uint32_t warp_most(const std::uint32_t (&words)[4]) {
  std::uint32_t most = 0;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    most = __vmaxu2(most, words[i] & 0x7fff7fffU);
  }
  most = most >> 16 > (most & 0xffffU) ? most >> 16 : most & 0xffffU;
#if __CUDA_ARCH__ >= 800
  most = __reduce_max_sync(0xffffffffU, most);
#endif
  return most;
}

inline constexpr int kWarps = kStreamWarps;
inline constexpr int kThreads = 32 * kWarps;

enum Phase : int { kProject = 0, kOut = 1, kGateUp = 2, kDown = 3, kPhases = 4, kHead = kPhases };

#if defined(MONOCLE_SM90A)
__device__ inline void copy_box(std::uint32_t to, const CUtensorMap* map, int x, int y,
                                std::uint32_t barrier) {
  sm90::copy_box(to, *map, x, y, barrier);
}
using sm90::barrier_expect;
using sm90::barrier_init;
using sm90::barrier_init_done;
using sm90::barrier_wait;
#else  // for the host's pass; never launched elsewhere
__device__ inline void copy_box(std::uint32_t, const CUtensorMap*, int, int, std::uint32_t) {}
__device__ inline void barrier_expect(std::uint32_t, unsigned) {}
__device__ inline void barrier_init(std::uint32_t, unsigned) {}
__device__ inline void barrier_init_done() {}
__device__ inline void barrier_wait(std::uint32_t, unsigned) {}
#endif

inline constexpr int kBoxBytes = 8 * 128;  // 8 rows of W
inline constexpr int kBoxes = 4;           // of a stage

// A stage is 16 rows of W, 256 bytes of each, as the copy engine writes boxes.
template <QuantFormat kFormat, int kStages>
struct LayerStream : StreamKind<kStreamWarps, 1, false, kFormat, 256, kStages> {
  __device__ static constexpr int place(int row, int piece) {
    return (piece / 8 * 2 + row / 8) * kBoxBytes + row % 8 * 128 + (piece % 8 ^ row % 8) * 16;
  }
};

// int4: a stage is two boxes of 256 columns, 8 rows each; the head's stages are int8.
inline constexpr int kInt4BoxBytes = 2 * kInt4BlockBytes;
inline constexpr int kInt4BoxPitch = (kInt4BoxBytes + 127) / 128 * 128;

template <int kRows_, QuantFormat kFormat>
struct Kind {
  static constexpr int kRows = kRows_;  // of x there is room for: 2 or 8
  static constexpr bool kInt4 = kFormat == QuantFormat::kInt4Group;
  static constexpr bool kInt8 = kFormat == QuantFormat::kInt8Channel || kInt4;  // x is integers
  static constexpr bool kFp8 = kFormat == QuantFormat::kFp8Channel;
  static constexpr bool kBytes = kInt8 || kFp8;
  static constexpr int kStages = kRows == 2 ? 4 : 3;  // what fits shared memory
  static constexpr int kColumns = 6144;               // of x at a time
  // Bytes of a row of x, so far apart that lanes that load together meet different banks; beside
  // int8 weights x is two planes of bytes (layers_fixed.cuh), beside fp8 ones f16
  // (layers_half.cuh).
  static constexpr int kPitch = kInt4 ? kColumns + 32 : kInt8 ? kColumns + 64 : 2 * (kColumns + 8);
  static constexpr int kPlane = kInt8 ? kRows * kPitch : 0;
  static constexpr int kXBytes = kRows * kPitch + kPlane;
  using Stream = LayerStream<kInt4 ? QuantFormat::kInt8Channel : kFormat, kStages>;
  static constexpr int kStep = kStreamWarps * Stream::kColumns;  // columns of all warps' stages
  // 16 keys and values for each warp, or 32 of int8 and their scales.
  static constexpr int kKeyBytes = 32 * 2 * (kLayerHead + 4);
  static constexpr int kRoomBytes =  // x, or keys and values
      kXBytes > kWarps* kKeyBytes ? kXBytes : kWarps* kKeyBytes;
  static_assert(kColumns % kStep == 0 && 2 * kInt4BoxPitch <= Stream::kStageBytes);
};

template <class K>
struct Shared {
  alignas(1024) std::uint8_t ring[K::Stream::kRingBytes];
  alignas(128) std::uint8_t x[K::kRoomBytes];
  alignas(16) float sums[2][K::Stream::kRoom];  // used in turn
  alignas(16) std::uint16_t q[kLayerHeads][kLayerHead];
  alignas(16) std::uint16_t fresh[2][kLayerHead];  // the current token's key and value, or of int8
  // Where the weights lie: as arguments of the kernel they would be fetched from memory each time.
  LayerWeights layer[kMaxLayers];
  alignas(8) std::uint64_t arrived[kWarps][K::kStages];  // stages of W
  float factors[kLayerRows];
  bool last;                                                   // of an item's blocks
  float scales[K::kBytes ? K::kRows * K::kColumns / 256 : 1];  // [row][256 columns of x]
  int totals[K::kInt4 ? K::kRows * K::kColumns / 256 : 1];     // likewise, of the integers
};

struct WeightStream {
  const CUtensorMap* maps;  // of all weights
  const CUtensorMap*
      map;  // of this lane's box: lanes 0 and 1 rows 0 to 7, lanes 2 and 3 the others
  int row;
  int layer = 0;
  int phase = 0;
  int unit;  // 16 rows of W; of gate and up 8 each
  int chunk = 0;
  int chunks;
  bool live = true;

  __device__ static int units(const StepProgram& p, int phase) {
    switch (phase) {
      case kProject:
        return (p.q_dim + 2 * p.kv_dim) / 16;
      case kGateUp:
        return p.inner / 8;
      case kHead:
        return p.head.rows / 16;
      default:
        return p.hidden / 16;
    }
  }
  __device__ static int columns(const StepProgram& p, int phase) {
    return phase == kOut ? p.q_dim : phase == kDown ? p.inner : p.hidden;
  }

  template <class K>
  __device__ void begin(const StepProgram& p, const CUtensorMap* all) {
    maps = all;
    unit = static_cast<int>(blockIdx.x);
    seek<K>(p);
  }
  // The unit's rows, or those of the next phase that has one for this block.
  template <class K>
  __device__ void seek(const StepProgram& p) {
    while (unit >= units(p, phase)) {
      unit = static_cast<int>(blockIdx.x);
      live = phase != kHead;
      if (!live) {
        return;
      }
      if (++phase == kPhases && ++layer < p.layers) {
        phase = 0;  // behind the last layer it is the head
      }
    }
    chunks = (columns(p, phase) + K::kStep - 1) / K::kStep;
    const int half = static_cast<int>(threadIdx.x / 2 % 2);
    int part = phase == kOut ? kOutMap : phase == kDown ? kDownMap : 0;
    row = 16 * unit + 8 * half;
    if (phase == kGateUp) {
      part = kGateUpMap + half;
      row = 8 * unit;
    } else if (phase == kProject) {
      part = row < p.q_dim ? 0 : row < p.q_dim + p.kv_dim ? 1 : 2;
      row -= part == 0 ? 0 : p.q_dim + (part - 1) * p.kv_dim;
    }
    map = maps + layer * kLayerMaps + part;
  }
  template <class K>
  __device__ void advance(const StepProgram& p) {
    if (live && ++chunk == chunks) {
      chunk = 0;
      unit += static_cast<int>(gridDim.x);
      seek<K>(p);
    }
  }
  // The warp's part of the next columns, if there are any left; zeros behind the last column.
  template <class K>
  __device__ void copy(std::uint32_t stage, std::uint32_t arrived) const {
    using S = typename K::Stream;
    const int lane = static_cast<int>(threadIdx.x % 32);
    if (!live) {
      return;
    }
    const bool groups = K::kInt4 && phase != kHead;
    if (lane == 0) {
      barrier_expect(arrived, groups ? 2 * kInt4BoxBytes : kBoxes * kBoxBytes);
    }
    __syncwarp();
    const int first = (chunk * kWarps + static_cast<int>(threadIdx.x / 32)) * S::kColumns;
    if (groups) {
      if (lane < kBoxes && lane % 2 == 0) {
        copy_box(stage + static_cast<std::uint32_t>(lane / 2 * kInt4BoxPitch), map,
                 first / 128 * (kInt4BlockBytes / 8), row / kInt4TileRows, arrived);
      }
    } else if (lane < kBoxes) {
      copy_box(stage + static_cast<std::uint32_t>((lane % 2 * 2 + lane / 2) * kBoxBytes), map,
               first + lane % 2 * (S::kColumns / 2), row, arrived);
    }
  }
};

// A warp's ring: what it is about to use, and what it asks for next.
template <class K>
struct Ring {
  WeightStream ahead;
  std::uint32_t first;
  std::uint32_t arrived;
  int stage = 0;
  unsigned parity = 0;

  __device__ std::uint32_t place(int at) const {
    return first + static_cast<std::uint32_t>(at * K::Stream::kStageBytes);
  }
  __device__ void fill(const StepProgram& p, const CUtensorMap* maps, const Shared<K>& shared) {
    const int warp = static_cast<int>(threadIdx.x / 32);
    first = shared_address(shared.ring) +
            static_cast<std::uint32_t>(warp * K::kStages * K::Stream::kStageBytes);
    arrived = shared_address(shared.arrived[warp]);
    ahead.begin<K>(p, maps);
#pragma unroll 1
    for (int i = 0; i < K::kStages; ++i) {
      ahead.copy<K>(place(i), arrived + 8 * i);
      ahead.advance<K>(p);
    }
  }
  // Hands the oldest stage to `multiply`, then asks for what comes next into its place.
  template <class Multiply>
  __device__ void use(const StepProgram& p, Multiply multiply) {
    barrier_wait(arrived + 8 * stage, parity);
    multiply(place(stage));
    __syncwarp();
    ahead.copy<K>(place(stage), arrived + 8 * stage);
    ahead.advance<K>(p);
    if (++stage == K::kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

}  // namespace monocle::cuda::layers
