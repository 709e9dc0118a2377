// SPDX-License-Identifier: Apache-2.0
// linear() for many rows on compute capability 9.0: y = epilogue(x Wᵀ + bias) + residual; bf16 with
// float32 sums, or int8 with integer sums or fp8 with float32 ones and a scale for each row of x
// and of W.
//
// A block computes tiles of 128 rows of x times kN rows of W, one after the other. One thread asks
// the copy engine for stages of 128 bytes of every row; two warpgroups of 64 rows each multiply
// them (wgmma) and store. The ring of stages runs on over tile borders, so the next tile's copies
// fly while this one is stored. Two blocks side by side in m form a cluster: each copies half of
// the rows of W to both, so W is read from the second-level cache once for 256 rows.
// Moves k (128 + kN / 2) bytes x element size per tile for 256 k kN operations.
//
// Where the tiles are too few to fill the GPU, k is split over several clusters: each leaves its
// sums in scratch memory, the last to finish adds them in a fixed order and stores.
//
// SwiGLU: half of a tile's rows of W are gate rows, half up rows, so both meet in one thread.
// W may have fewer columns than x: it then starts over (see split_rows: x = high + low).
#pragma once

#include <type_traits>

#include "cuda/kernels/linear_store.cuh"
#include "cuda/kernels/wgmma.cuh"

namespace monocle::cuda {
namespace {

constexpr int kM = 128;
constexpr int kGroups = 2;  // warpgroups that multiply, 64 rows each
constexpr int kThreads = 128 * (kGroups + 1);
constexpr int kCluster = 2;
constexpr int kRowBytes = 128;
// Tiles are visited in bands of so many clusters in m, all of W for each: what the running blocks
// read fits the cache.
constexpr int kBand = 8;

struct Sm90Args {
  CUtensorMap x;
  CUtensorMap w[3];
  LinearArgs linear;
  const float* x_scale;  // bytes: of each row of x
  int tiles_m;           // in clusters
  int tiles_n;
  int steps;    // of 128 bytes, over x
  int steps_w;  // over W
  int splits;
  float* parts;  // splits > 1: sums of [tile, block, warpgroup, split]
  std::uint32_t* counters;
};

// A tile, or a part of one: steps begin to end.
struct Unit {
  int tile;
  int split;
  int begin;
  int end;
};
__device__ inline Unit unit_at(const Sm90Args& a, int index) {
  const int split = index % a.splits;
  return {index / a.splits, split, split * a.steps / a.splits, (split + 1) * a.steps / a.splits};
}

template <int kN_, int kStages_, QuantFormat kFormat_>
struct Plan {
  static constexpr int kN = kN_;
  static constexpr int kStages = kStages_;
  static constexpr QuantFormat kFormat = kFormat_;
  static constexpr bool kBytes = is_byte_channel(kFormat);  // both operands, with scales
  static constexpr int kSums = kN / 2;
  static constexpr int kStageBytes = (kM + kN) * kRowBytes;
  // Stages lie at multiples of 1024 bytes; barriers and what belongs to columns follow.
  static constexpr int kColumnsAt = kStages * kStageBytes + 16 * kStages;
  static constexpr int kSharedBytes =
      1024 + kColumnsAt + kGroups * static_cast<int>(sizeof(Columns<kN>));
  static constexpr int kColumns = kRowBytes / (kBytes ? 1 : 2);  // of a stage
  using Sum = std::conditional_t<kFormat == QuantFormat::kInt8Channel, int, float>;
};

struct TileAt {
  int m;     // cluster of tiles
  int part;  // of W; for SwiGLU 0
  int row;   // of the part
  int col;   // of y
};

template <int kN>
__device__ inline TileAt tile_at(const Sm90Args& a, int tile) {
  const int per_band = kBand * a.tiles_n;
  const int band = tile / per_band;
  const int height = min(a.tiles_m - band * kBand, kBand);
  const int inside = tile - band * per_band;
  TileAt at{band * kBand + inside % height, 0, 0, 0};
  int n = inside / height;
  if (a.linear.epilogue == Epilogue::kSwiGlu) {
    at.row = at.col = n * (kN / 2);
    return at;
  }
  for (; at.part < a.linear.w.parts; ++at.part) {
    const int rows = static_cast<int>(a.linear.w.part.data()[at.part].rows);
    const int tiles = (rows + kN - 1) / kN;
    if (n < tiles) {
      break;
    }
    n -= tiles;
    at.col += rows;
  }
  at.row = n * kN;
  at.col += at.row;
  return at;
}

#if defined(MONOCLE_SM90A)
using namespace sm90;

struct Ring {
  std::uint32_t stages;
  std::uint32_t full;
  std::uint32_t empty;
};

// Which stage is next and how often the ring went round.
template <int kStages>
struct Turn {
  int stage = 0;
  unsigned round = 0;
  __device__ void next() {
    if (++stage == kStages) {
      stage = 0;
      round ^= 1U;
    }
  }
};

// This block's half of a stage of W, for both blocks of the cluster.
template <class P>
__device__ inline void copy_w(const Sm90Args& a, const TileAt& at, const Ring& ring, int stage,
                              int step, unsigned rank) {
  const bool pairs = a.linear.epilogue == Epilogue::kSwiGlu;
  const int map = pairs ? static_cast<int>(rank) : at.part;
  const int row = pairs ? at.row : at.row + static_cast<int>(rank) * (P::kN / 2);
  const std::uint32_t to = ring.stages + stage * P::kStageBytes +
                           (kM + static_cast<int>(rank) * (P::kN / 2)) * kRowBytes;
  copy_box_to(to, a.w[map], step % a.steps_w * P::kColumns, row, ring.full + 8 * stage,
              (1U << kCluster) - 1);
}

template <class P>
__device__ inline void produce(const Sm90Args& a, const Ring& ring, unsigned rank) {
  const int units = a.tiles_m * a.tiles_n * a.splits;
  const int clusters = static_cast<int>(gridDim.x) / kCluster;
  Turn<P::kStages> turn;
  bool waited = false;
  for (int i = static_cast<int>(blockIdx.x) / kCluster; i < units; i += clusters) {
    const Unit unit = unit_at(a, i);
    const TileAt at = tile_at<P::kN>(a, unit.tile);
    const int row = (at.m * kCluster + static_cast<int>(rank)) * kM;
    int ahead = unit.begin;
    if (!waited) {  // weights may be read before the launch ahead has ended
      for (int stage = 0; ahead < min(unit.end, unit.begin + P::kStages); ++ahead, ++stage) {
        barrier_expect(ring.full + 8 * stage, P::kStageBytes);
        copy_w<P>(a, at, ring, stage, ahead, rank);
      }
      pdl_wait();
      waited = true;
    }
    for (int step = unit.begin; step < unit.end; ++step, turn.next()) {
      const std::uint32_t full = ring.full + 8 * turn.stage;
      if (step >= ahead) {
        barrier_wait(ring.empty + 8 * turn.stage, turn.round ^ 1U);
        barrier_expect(full, P::kStageBytes);
        copy_w<P>(a, at, ring, turn.stage, step, rank);
      }
      copy_box(ring.stages + turn.stage * P::kStageBytes, a.x, step * P::kColumns, row, full);
    }
  }
}

template <class P>
__device__ inline void multiply(typename P::Sum (&sum)[P::kSums], std::uint32_t x, std::uint32_t w,
                                bool add) {
  products_begin();
#pragma unroll
  for (int k = 0; k < kRowBytes / 32; ++k) {
    if constexpr (P::kFormat == QuantFormat::kInt8Channel) {
      product_int8(sum, matrix(x + 32 * k), matrix(w + 32 * k), add || k > 0 ? 1 : 0);
    } else if constexpr (P::kFormat == QuantFormat::kFp8Channel) {
      product_fp8(sum, matrix(x + 32 * k), matrix(w + 32 * k), add || k > 0 ? 1 : 0);
    } else {
      product_bf16(sum, matrix(x + 32 * k), matrix(w + 32 * k), add || k > 0 ? 1 : 0);
    }
  }
  products_commit();
}

// Both blocks may copy into the stage again once all four warpgroups have said so.
__device__ inline void release(const Ring& ring, int stage) {
  if (threadIdx.x % 128 < kCluster) {
    barrier_arrive_in(ring.empty + 8 * stage, threadIdx.x % 128);
  }
}

// Before a tile's products: what its end will need comes near.
template <class P>
__device__ inline void prepare_store(const Sm90Args& a, const TileAt& at, const StoreAt& store,
                                     Columns<P::kN>& columns) {
  const LinearArgs& l = a.linear;
  const int thread = static_cast<int>(threadIdx.x) % 128;
  const bool pairs = l.epilogue == Epilogue::kSwiGlu;
  group_barrier();  // the last tile's end has read them
  for (int c = thread; c < P::kN; c += 128) {
    const WeightView& w = l.w.part.data()[pairs ? c / (P::kN / 2) : at.part];
    const int row = at.row + (pairs ? c % (P::kN / 2) : c);
    const bool inside = row < static_cast<int>(w.rows);
    columns.bias[c] = l.bias != nullptr && inside ? l.bias[at.col + c] : 0.0F;
    if (P::kBytes) {
      columns.scale[c] = inside ? static_cast<const float*>(w.aux)[row] : 0.0F;
    }
  }
  group_barrier();
  if (l.residual.data != nullptr) {
    constexpr int kLines = P::kN / 32;  // of 128 bytes
    for (int i = thread; i < 64 * kLines; i += 128) {
      const std::int64_t row = store.row + i / kLines;
      const int c = i % kLines * 32;
      if (row < l.x.rows && c < store.cols) {
        prefetch_line(static_cast<const float*>(l.residual.data) + row * l.residual.row_stride +
                      at.col + c);
      }
    }
  }
}

// Leaves this part's sums; true in the warpgroup that comes last to its rows of the tile (`place`),
// whose sums are then the whole.
template <class P>
__device__ inline bool join_splits(const Sm90Args& a, const Unit& unit, int place,
                                   Columns<P::kN>& columns, typename P::Sum (&sum)[P::kSums]) {
  using Sum = typename P::Sum;
  const int thread = static_cast<int>(threadIdx.x) % 128;
  Sum* base =
      reinterpret_cast<Sum*>(a.parts) + std::int64_t{place} * a.splits * P::kSums * 128 + thread;
#pragma unroll
  for (int i = 0; i < P::kSums; ++i) {
    __stcg(base + (unit.split * P::kSums + i) * 128, sum[i]);
  }
  __threadfence();
  group_barrier();
  if (thread == 0) {
    columns.last = atomicAdd(a.counters + place, 1U) == static_cast<unsigned>(a.splits) - 1;
  }
  group_barrier();
  if (!columns.last) {
    return false;
  }
  __threadfence();
#pragma unroll
  for (int i = 0; i < P::kSums; ++i) {
    sum[i] = 0;
  }
  for (int split = 0; split < a.splits; ++split) {
#pragma unroll
    for (int i = 0; i < P::kSums; ++i) {
      sum[i] += __ldcg(base + (split * P::kSums + i) * 128);
    }
  }
  if (thread == 0) {
    a.counters[place] = 0;
  }
  return true;
}

template <class P>
__device__ inline void consume(const Sm90Args& a, const Ring& ring, unsigned rank,
                               Columns<P::kN>& columns) {
  const int units = a.tiles_m * a.tiles_n * a.splits;
  const int clusters = static_cast<int>(gridDim.x) / kCluster;
  const int group = static_cast<int>(threadIdx.x) / 128 - 1;
  const std::uint32_t x = ring.stages + group * (64 * kRowBytes);
  const std::uint32_t w = ring.stages + kM * kRowBytes;
  Turn<P::kStages> turn;
  pdl_wait();
  for (int i = static_cast<int>(blockIdx.x) / kCluster; i < units; i += clusters) {
    const Unit unit = unit_at(a, i);
    const TileAt at = tile_at<P::kN>(a, unit.tile);
    const StoreAt store{std::int64_t{at.m * kCluster + static_cast<int>(rank)} * kM + group * 64,
                        at.col, static_cast<int>(a.linear.w.part.data()[at.part].rows) - at.row,
                        a.x_scale};
    prepare_store<P>(a, at, store, columns);
    typename P::Sum sum[P::kSums];
    int before = -1;
    for (int step = unit.begin; step < unit.end; ++step, turn.next()) {
      barrier_wait(ring.full + 8 * turn.stage, turn.round);
      multiply<P>(sum, x + turn.stage * P::kStageBytes, w + turn.stage * P::kStageBytes,
                  step > unit.begin);
      products_wait<1>();  // the products before these have read their stage
      if (before >= 0) {
        release(ring, before);
      }
      before = turn.stage;
    }
    products_wait<0>();
    pin(sum);
    release(ring, before);
    if (a.splits == 1 ||
        join_splits<P>(a, unit, (unit.tile * kCluster + static_cast<int>(rank)) * kGroups + group,
                       columns, sum)) {
      store_tile<P::kN, P::kBytes>(a.linear, store, columns, sum);
    }
  }
}
#endif

template <class P>
__global__ __launch_bounds__(kThreads,
                             1) void linear_sm90_kernel(const __grid_constant__ Sm90Args a) {
#if defined(MONOCLE_SM90A)
  extern __shared__ uint4 shared[];
  const std::uint32_t base = (shared_address(shared) + 1023U) & ~1023U;
  const Ring ring{base, base + P::kStages * P::kStageBytes,
                  base + P::kStages * P::kStageBytes + 8 * P::kStages};
  const unsigned rank = cluster_rank();
  if (threadIdx.x == 0) {
    for (int i = 0; i < P::kStages; ++i) {
      barrier_init(ring.full + 8 * i, 1);
      barrier_init(ring.empty + 8 * i, kGroups * kCluster);
    }
    barrier_init_done();
  }
  cluster_barrier();
  pdl_launch_next();
  if (threadIdx.x < 128) {
    give_registers<40>();
    if (threadIdx.x == 0) {
      produce<P>(a, ring, rank);
    }
  } else {
    take_registers<232>();
    auto* columns = reinterpret_cast<Columns<P::kN>*>(
        reinterpret_cast<std::byte*>(shared) + (base - shared_address(shared)) + P::kColumnsAt);
    consume<P>(a, ring, rank, columns[threadIdx.x / 128 - 1]);
  }
  cluster_barrier();  // the other block may still copy into this one's memory
#endif
}

}  // namespace
}  // namespace monocle::cuda
