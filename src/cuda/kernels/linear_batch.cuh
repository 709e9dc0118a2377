// SPDX-License-Identifier: Apache-2.0
// The parts of linear_batch_sm90.cu: its arguments, the sums that the blocks of a cluster send each
// other, and the end of a tile.
#pragma once

#include <type_traits>

#include "cuda/batch_plan.h"
#include "cuda/kernels/sm90.cuh"
#include "cuda/kernels/wgmma.cuh"

namespace monocle::cuda::batch {

inline constexpr int kCluster = kBatchCluster;
inline constexpr int kGroups = 2;  // warpgroups that multiply
inline constexpr int kMathThreads = 128 * kGroups;
inline constexpr int kThreads = kMathThreads + 32;  // and a warp that copies
inline constexpr int kRowBytes = 128;               // of a row in a stage: 64 columns

struct BatchArgs {
  CUtensorMap x;
  CUtensorMap w[3];
  LinearArgs linear;
  BatchPlan plan;
  int stages;
  int rooms;  // for the sums of other blocks: 2, used in turn, 1 for one tile, 0 in the ring
  // x without the factor of its norm: the parts of each row's sum of squares, or null.
  const float* squares;
  int parts;
  float eps;
  // For a norm behind: its weights or null, w y as bf16, and the parts of y's sums of squares.
  const float* weight;
  std::uint16_t* weighted;
  std::int64_t weighted_stride;
  float* squares_out;
  bool early;  // the successor is let in at once
};

// A wide tile is 128 rows of W, 64 per warpgroup, and both multiply all rows of x; a narrow one 64
// rows, and each warpgroup takes half of the rows of x.
template <int kTokens_, bool kWide_>
struct Kind {
  static constexpr int kTokens = kTokens_;
  static constexpr bool kWide = kWide_;
  // One tile, and the sums of the other blocks come where the ring was.
  static constexpr bool kOneTile = kTokens > kBatchStayTokens;
  static constexpr int kRows = kWide ? 2 * kBatchBox : kBatchBox;
  static constexpr int kBoxes = kWide ? 1 : 2;  // of 64 columns in a stage
  static constexpr int kColumns = kBoxes * kBatchBox;
  static constexpr int kProduct = kWide ? kTokens : kTokens / 2;  // rows of x of a warpgroup
  static constexpr int kSums = kProduct / 2;                      // of a thread
  static constexpr int kShare = kSums / kCluster;                 // of them that one block finishes
  static constexpr int kVector = kShare < 4 ? kShare : 4;
  static constexpr int kOwned = kShare < 4 ? 8 : 2 * kShare;  // rows of x a warpgroup finishes
  static constexpr int kWBytes = kRows * kRowBytes;           // of a box of columns
  static constexpr int kXBytes = kTokens * kRowBytes;
  static constexpr int kStageBytes = kBoxes * (kWBytes + kXBytes);
  static constexpr int kRoomBytes = (kCluster - 1) * kShare * kMathThreads * 4;
  static_assert(kShare == 2 || kShare % 4 == 0);
};

// What follows the ring and the rooms in shared memory.
template <class K>
struct Tail {
  std::uint64_t sums[2];  // barriers: the other blocks' sums have arrived
  float factors[K::kTokens];
  float squares[2][2 * 4][K::kOwned];  // by warp; used in turn
};

template <class K>
constexpr std::size_t shared_bytes(int stages, int rooms) {
  return 1024 + static_cast<std::size_t>(stages * (K::kStageBytes + 16) + rooms * K::kRoomBytes) +
         sizeof(Tail<K>);
}

__device__ inline void math_barrier() {
  asm volatile("bar.sync 1, %0;" ::"n"(kMathThreads) : "memory");
}

#if defined(MONOCLE_SM90A)
// The same place in block `rank` of the cluster.
__device__ inline std::uint32_t in_block(std::uint32_t address, unsigned rank) {
  std::uint32_t out;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(out) : "r"(address), "r"(rank));
  return out;
}
// To another block's memory; its barrier counts the bytes. Needs no release: they arrive together.
__device__ inline void send(std::uint32_t to, const float* v, std::uint32_t barrier,
                            std::integral_constant<int, 4> /*count*/) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.b32 [%0], {%1, %2, %3, %4}, "
      "[%5];" ::"r"(to),
      "r"(__float_as_uint(v[0])), "r"(__float_as_uint(v[1])), "r"(__float_as_uint(v[2])),
      "r"(__float_as_uint(v[3])), "r"(barrier)
      : "memory");
}
__device__ inline void send(std::uint32_t to, const float* v, std::uint32_t barrier,
                            std::integral_constant<int, 2> /*count*/) {
  asm volatile(
      "st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.b32 [%0], {%1, %2}, [%3];" ::"r"(
          to),
      "r"(__float_as_uint(v[0])), "r"(__float_as_uint(v[1])), "r"(barrier)
      : "memory");
}
// barrier_wait for what other blocks of the cluster have sent.
__device__ inline void wait_for_peers(std::uint32_t barrier, unsigned parity) {
  asm volatile(
      "{\n.reg .pred done;\n"
      "again:\n"
      "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 done, [%0], %1;\n"
      "@done bra.uni over;\n"
      "bra.uni again;\n"
      "over:\n}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

template <int kVector>
__device__ inline void load_vector(std::uint32_t from, float* out) {
  if constexpr (kVector == 4) {
    asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(out[0]), "=f"(out[1]), "=f"(out[2]), "=f"(out[3])
                 : "r"(from)
                 : "memory");
  } else {
    asm volatile("ld.shared.v2.f32 {%0, %1}, [%2];"
                 : "=f"(out[0]), "=f"(out[1])
                 : "r"(from)
                 : "memory");
  }
}

// Where sums i, i + 1, .. of source `slot` lie in a room: neighbouring threads side by side.
template <class K>
__device__ inline std::uint32_t place_in_room(int slot, int i, int thread) {
  return static_cast<std::uint32_t>(
      ((slot * (K::kShare / K::kVector) + i / K::kVector) * kMathThreads + thread) * K::kVector *
      4);
}

// Each of the other blocks gets the sums that it finishes.
template <class K>
__device__ inline void send_sums(const float (&sum)[K::kSums], std::uint32_t room,
                                 std::uint32_t barrier, int rank) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int owner = 0; owner < kCluster; ++owner) {
    if (owner == rank) {
      continue;
    }
    const std::uint32_t to = in_block(room, static_cast<unsigned>(owner));
    const std::uint32_t told = in_block(barrier, static_cast<unsigned>(owner));
    const int slot = rank < owner ? rank : rank - 1;
#pragma unroll
    for (int i = 0; i < K::kShare; i += K::kVector) {
      send(to + place_in_room<K>(slot, i, thread), sum + owner * K::kShare + i, told,
           std::integral_constant<int, K::kVector>());
    }
  }
}

// This block's share over all blocks, in order of the columns.
template <class K>
__device__ inline void add_sums(const float (&sum)[K::kSums], std::uint32_t room, int rank,
                                float (&total)[K::kShare]) {
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int i = 0; i < K::kShare; ++i) {
    total[i] = 0.0F;
  }
#pragma unroll
  for (int source = 0; source < kCluster; ++source) {
    const int slot = source < rank ? source : source - 1;
#pragma unroll
    for (int i = 0; i < K::kShare; i += K::kVector) {
      float part[K::kVector];
      if (source == rank) {
#pragma unroll
        for (int j = 0; j < K::kVector; ++j) {
          part[j] = sum[source * K::kShare + i + j];
        }
      } else {
        load_vector<K::kVector>(room + place_in_room<K>(slot, i, thread), part);
      }
#pragma unroll
      for (int j = 0; j < K::kVector; ++j) {
        total[i + j] += part[j];
      }
    }
  }
}

// Where this thread's share of a tile belongs: sum i is of row token(i) of x and column col(i) of
// y.
template <class K>
struct Place {
  int token0;
  int col0;
  int half;  // with two sums of a thread: rows 8 further on

  __device__ Place(const BatchArgs& a, int tile, int rank) {
    const int thread = static_cast<int>(threadIdx.x);
    const int group = thread / 128;
    const int lane = thread % 32;
    const int block = K::kShare < 4 ? rank / 2 : rank * (K::kShare / 4);  // of eight rows of x
    half = K::kShare < 4 ? rank % 2 : 0;
    token0 = (K::kWide ? 0 : group * K::kProduct) + 8 * block + 2 * (lane % 4);
    const bool pairs = a.linear.epilogue == Epilogue::kSwiGlu;
    col0 = pairs ? tile * kBatchBox : tile * K::kRows + (K::kWide ? group * kBatchBox : 0);
    col0 += thread % 128 / 32 * 16 + lane / 4;
  }
  __device__ int token(int i) const { return token0 + i / 4 * 8 + i % 2; }
  __device__ int col(int i) const { return col0 + (K::kShare < 4 ? half : i / 2 % 2) * 8; }
  __device__ bool exists(const BatchArgs& a, int i) const {
    return token(i) < static_cast<int>(a.linear.x.rows) && col(i) < a.linear.y.cols;
  }
};

// What the results need beside the sums, asked for before these are there.
template <class K>
struct Beside {
  float residual[K::kShare];
  float bias[2];
  float weight[2];

  __device__ Beside(const BatchArgs& a, const Place<K>& at) {
    const LinearArgs& l = a.linear;
#pragma unroll
    for (int i = 0; i < K::kShare; ++i) {
      residual[i] = l.residual.data != nullptr && at.exists(a, i)
                        ? __ldcg(static_cast<const float*>(l.residual.data) +
                                 at.token(i) * l.residual.row_stride + at.col(i))
                        : 0.0F;
    }
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const int col = at.col(2 * h);
      const bool inside = col < l.y.cols;
      bias[h] = l.bias != nullptr && inside ? __ldg(l.bias + col) : 0.0F;
      weight[h] = a.weight != nullptr && inside ? __ldg(a.weight + col) : 0.0F;
    }
  }
  __device__ static int half(int i) { return K::kShare < 4 ? 0 : i / 2 % 2; }
};

// w y for the norm behind, and this tile's part of each row's sum of squares.
template <class K>
__device__ inline void store_for_norm(const BatchArgs& a, const Place<K>& at,
                                      const Beside<K>& beside, const float (&value)[K::kShare],
                                      int tile, int rank, float (&room)[2 * 4][K::kOwned]) {
  const int thread = static_cast<int>(threadIdx.x);
  const int lane = thread % 32;
#pragma unroll
  for (int i = 0; i < K::kShare; ++i) {
    if (at.exists(a, i)) {
      a.weighted[at.token(i) * a.weighted_stride + at.col(i)] =
          to_bf16(beside.weight[Beside<K>::half(i)] * value[i]);
    }
  }
  constexpr int kPairs = K::kShare < 4 ? 2 : K::kShare / 2;  // rows of x of a thread
#pragma unroll
  for (int p = 0; p < kPairs; ++p) {
    const int i = p / 2 * 4 + p % 2;
    float square = at.exists(a, i) ? value[i] * value[i] : 0.0F;
    if constexpr (K::kShare >= 4) {
      square += at.exists(a, i + 2) ? value[i + 2] * value[i + 2] : 0.0F;
    }
#pragma unroll
    for (int step = 4; step < 32; step *= 2) {
      square += __shfl_xor_sync(0xffffffffU, square, step);
    }
    if (lane < 4) {
      room[thread / 32][p / 2 * 8 + 2 * lane + p % 2] = square;
    }
  }
  math_barrier();
  if (thread >= (K::kWide ? K::kOwned : 2 * K::kOwned)) {
    return;
  }
  const int group = thread / K::kOwned;
  const int mine = thread % K::kOwned;
  float sum = 0.0F;
#pragma unroll
  for (int warp = 0; warp < (K::kWide ? 8 : 4); ++warp) {
    sum += room[4 * group + warp][mine];
  }
  const int token = group * K::kProduct + (K::kShare < 4 ? rank / 2 : rank) * K::kOwned + mine;
  const int part = K::kShare < 4 ? 2 * tile + rank % 2 : tile;
  if (token < static_cast<int>(a.linear.x.rows)) {
    a.squares_out[token * kSquareParts + part] = sum;
  }
}

// 1 / sqrt(mean square + eps) of each row of x, or 1. All parts of a thread are asked for together.
// Before they are read the threads must meet.
template <class K>
__device__ inline void make_factors(const BatchArgs& a, float (&factors)[K::kTokens]) {
  constexpr int kSharing = kMathThreads / K::kTokens;  // threads of a row
  constexpr int kEach = kSquareParts / 4 / kSharing;
  const int token = static_cast<int>(threadIdx.x) / kSharing;
  const int mine = static_cast<int>(threadIdx.x) % kSharing;
  float4 part[kEach];
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int first = 4 * (mine + i * kSharing);
    const bool there = a.squares != nullptr && token < static_cast<int>(a.linear.x.rows);
    part[i] =
        there && first < a.parts
            ? __ldcg(reinterpret_cast<const float4*>(a.squares + token * kSquareParts + first))
            : float4{};
  }
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const float value[4] = {part[i].x, part[i].y, part[i].z, part[i].w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      sum += 4 * (mine + i * kSharing) + j < a.parts ? value[j] : 0.0F;
    }
  }
#pragma unroll
  for (int step = 1; step < kSharing; step *= 2) {
    sum += __shfl_xor_sync(0xffffffffU, sum, step);
  }
  if (mine == 0) {
    factors[token] = a.squares != nullptr
                         ? 1.0F / sqrtf(sum / static_cast<float>(a.linear.x.cols) + a.eps)
                         : 1.0F;
  }
}

// From this block's share of a tile to y. `spare`: a room whose sums have been read.
template <class K>
__device__ inline void store_share(const BatchArgs& a, int tile, int rank, const Place<K>& at,
                                   const Beside<K>& beside, std::uint32_t spare, Tail<K>& tail,
                                   int turn, float (&value)[K::kShare]) {
  const LinearArgs& l = a.linear;
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int i = 0; i < K::kShare; ++i) {
    value[i] *= tail.factors[at.token(i)];
  }
  if (l.epilogue == Epilogue::kSwiGlu) {  // up goes to the threads that hold gate
    if (thread >= 128) {
#pragma unroll
      for (int i = 0; i < K::kShare; ++i) {
        asm volatile(
            "st.shared.f32 [%0], %1;" ::"r"(spare + place_in_room<K>(0, i, thread) +
                                            static_cast<std::uint32_t>(i % K::kVector * 4)),
            "f"(value[i])
            : "memory");
      }
    }
    math_barrier();
    if (thread >= 128) {
      return;
    }
#pragma unroll
    for (int i = 0; i < K::kShare; i += K::kVector) {
      float up[K::kVector];
      load_vector<K::kVector>(spare + place_in_room<K>(0, i, thread + 128), up);
#pragma unroll
      for (int j = 0; j < K::kVector; ++j) {
        value[i + j] = silu(value[i + j]) * up[j];
      }
    }
  } else {
#pragma unroll
    for (int i = 0; i < K::kShare; ++i) {
      value[i] = activate(l.epilogue, value[i] + beside.bias[Beside<K>::half(i)]);
    }
  }
#pragma unroll
  for (int i = 0; i < K::kShare; ++i) {
    value[i] += beside.residual[i];
    if (at.exists(a, i)) {
      store(l.y.data, l.y.dtype, at.token(i) * l.y.row_stride + at.col(i), value[i]);
    }
  }
  if (a.weight != nullptr) {
    store_for_norm<K>(a, at, beside, value, tile, rank, tail.squares[turn]);
  }
}
#endif

}  // namespace monocle::cuda::batch
