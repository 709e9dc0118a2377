// SPDX-License-Identifier: Apache-2.0
// linear() for the rows of a batch of decode steps on compute capability 9.0: y = epilogue(x Wᵀ +
// bias) + residual, bf16 with float32 sums.
//
// The time is that of reading W once: 2 n k bytes. A cluster of four blocks takes 128 or 64 rows of
// W at a time; each block has a quarter of the columns, of W and of x, so that every byte of x is
// read by one block of a cluster only. One warp asks the copy engine for stages of 128 rows times
// 64 columns (or 64 times 128) of W with the columns of x beside it; two warpgroups multiply them
// with W as the 64-row operand. Stages of W are asked for before the launch ahead has ended.
//
// Each block finishes a quarter of the results: the others send it their sums straight into its
// shared memory, where a barrier counts the bytes; they are added in order of the columns.
//
// An RMS norm between two of these is split: who makes y stores w y as bf16 and parts of the sums
// of squares, who reads it applies each row's factor to the finished sums.
//
// The successor is let in when the last stage has been asked for: what it reads ahead then queues
// behind this launch's bytes, and all that is ahead of this launch has ended. Attention comes
// earlier, as soon as the latter is so: it is busy for longer until it needs the results.
#include "cuda/kernels/linear_batch.cuh"

#include <algorithm>

#include "base/check.h"
#include "cuda/kernels/kernels.h"
#include "cuda/tensor_map.h"

namespace monocle::cuda {
namespace {

using namespace batch;  // NOLINT(google-build-using-namespace): the other half of this file

#if defined(MONOCLE_SM90A)
using namespace sm90;

struct Memory {
  std::uint32_t ring;
  std::uint32_t rooms;
  std::uint32_t full;
  std::uint32_t empty;
  std::uint32_t sums;
};

// Which stage is next and how often the ring went round.
struct Turn {
  int stage = 0;
  unsigned round = 0;
  __device__ void next(int stages) {
    if (++stage == stages) {
      stage = 0;
      round ^= 1U;
    }
  }
};

// 64 rows of W, 64 columns.
template <class K>
__device__ inline void copy_rows(const BatchArgs& a, std::uint32_t to, int tile, int half,
                                 int column, std::uint32_t full) {
  int part = half;
  int row = tile * kBatchBox;
  if (a.linear.epilogue != Epilogue::kSwiGlu) {
    row = tile * K::kRows + half * kBatchBox;
    const int first = static_cast<int>(a.linear.w.part.data()[0].rows);
    const int second = first + static_cast<int>(a.linear.w.part.data()[1].rows);
    const int last = a.linear.w.parts - 1;
    part = min(row < first ? 0 : row < second ? 1 : 2, last);
    row -= part == 0 ? 0 : part == 1 ? first : second;
  }
  copy_box(to, a.w[part], column, row, full);
}

// The thread that copies. `ahead` walks in front: W may be read before the launch ahead has ended.
template <class K>
__device__ inline void produce(const BatchArgs& a, const Memory& memory, int group, int first) {
  const int steps = a.plan.slice / K::kColumns;
  const int total = (a.plan.tiles - group + a.plan.groups - 1) / a.plan.groups * steps;
  const auto copy_w = [&](int index, int stage) {
    const int tile = group + index / steps * a.plan.groups;
    const int column = first + index % steps * K::kColumns;
    const std::uint32_t to = memory.ring + static_cast<std::uint32_t>(stage * K::kStageBytes);
    const std::uint32_t full = memory.full + static_cast<std::uint32_t>(8 * stage);
    barrier_expect(full, K::kStageBytes);
#pragma unroll
    for (int i = 0; i < 2; ++i) {  // two boxes of rows, or of columns
      copy_rows<K>(a, to + static_cast<std::uint32_t>(i * kBatchBox * kRowBytes), tile,
                   K::kWide ? i : 0, column + (K::kWide ? 0 : i * kBatchBox), full);
    }
  };
  const int ahead = min(total, a.stages);
  for (int i = 0; i < ahead; ++i) {
    copy_w(i, i);
  }
  pdl_wait();
  if (a.early) {
    pdl_launch_next();
  }
  Turn turn;
  for (int i = 0; i < total; ++i, turn.next(a.stages)) {
    if (i >= ahead) {
      barrier_wait(memory.empty + static_cast<std::uint32_t>(8 * turn.stage), turn.round ^ 1U);
      copy_w(i, turn.stage);
    }
    const std::uint32_t x = memory.ring + static_cast<std::uint32_t>(turn.stage * K::kStageBytes +
                                                                     K::kBoxes * K::kWBytes);
#pragma unroll
    for (int box = 0; box < K::kBoxes; ++box) {
      copy_box(x + static_cast<std::uint32_t>(box * K::kXBytes), a.x,
               first + i % steps * K::kColumns + box * kBatchBox, 0,
               memory.full + static_cast<std::uint32_t>(8 * turn.stage));
    }
  }
  if (!a.early) {
    pdl_launch_next();
  }
}

template <class K>
__device__ inline void multiply(float (&sum)[K::kSums], std::uint32_t stage) {
  const auto group = threadIdx.x / 128;
  const std::uint32_t w = stage + (K::kWide ? group * (kBatchBox * kRowBytes) : 0U);
  const std::uint32_t x =
      stage + K::kBoxes * K::kWBytes + (K::kWide ? 0U : group * (K::kProduct * kRowBytes));
  products_begin();
#pragma unroll
  for (int box = 0; box < K::kBoxes; ++box) {
#pragma unroll
    for (int k = 0; k < kRowBytes / 32; ++k) {
      product_bf16(sum, matrix(w + static_cast<std::uint32_t>(box * K::kWBytes + 32 * k)),
                   matrix(x + static_cast<std::uint32_t>(box * K::kXBytes + 32 * k)), 1);
    }
  }
  products_commit();
}

template <class K>
__device__ inline void consume(const BatchArgs& a, const Memory& memory, int group, int rank,
                               Tail<K>& tail) {
  const int steps = a.plan.slice / K::kColumns;
  const bool leader = threadIdx.x % 128 == 0;
  if (a.squares == nullptr) {
    make_factors<K>(a, tail.factors);
  }
  pdl_wait();
  if (a.squares != nullptr) {
    make_factors<K>(a, tail.factors);
  }
  Turn turn;
  int nth = 0;
  for (int tile = group; tile < a.plan.tiles; tile += a.plan.groups, ++nth) {
    const int which = nth % 2;
    const std::uint32_t room = memory.rooms + static_cast<std::uint32_t>(which * K::kRoomBytes);
    const std::uint32_t arrived = memory.sums + static_cast<std::uint32_t>(8 * which);
    if (threadIdx.x == 0) {
      barrier_expect(arrived, K::kRoomBytes);
    }
    const Place<K> at(a, tile, rank);
    const Beside<K> beside(a, at);
    float sum[K::kSums] = {};
    int before = -1;
    for (int step = 0; step < steps; ++step, turn.next(a.stages)) {
      barrier_wait(memory.full + static_cast<std::uint32_t>(8 * turn.stage), turn.round);
      multiply<K>(sum, memory.ring + static_cast<std::uint32_t>(turn.stage * K::kStageBytes));
      products_wait<1>();  // the products before these have read their stage
      if (before >= 0 && leader) {
        barrier_arrive(memory.empty + static_cast<std::uint32_t>(8 * before));
      }
      before = turn.stage;
    }
    products_wait<0>();
    pin(sum);
    if (leader) {
      barrier_arrive(memory.empty + static_cast<std::uint32_t>(8 * before));
    }
    if (nth == 0) {
      math_barrier();  // the factors
    }
    if constexpr (K::kOneTile) {
      cluster_barrier();  // the rings, used up, take the sums
    }
    send_sums<K>(sum, room, arrived, rank);
    wait_for_peers(arrived, static_cast<unsigned>(nth / 2 % 2));
    float share[K::kShare];
    add_sums<K>(sum, room, rank, share);
    store_share<K>(a, tile, rank, at, beside, room, tail, which, share);
  }
}
#endif

template <class K>
__global__ __launch_bounds__(kThreads,
                             2) void linear_batch_kernel(const __grid_constant__ BatchArgs a) {
#if defined(MONOCLE_SM90A)
  extern __shared__ uint4 shared[];
  const std::uint32_t base = (shared_address(shared) + 1023U) & ~1023U;
  const auto ring_bytes = static_cast<std::uint32_t>(a.stages * K::kStageBytes);
  const std::uint32_t barriers =
      base + ring_bytes + static_cast<std::uint32_t>(a.rooms * K::kRoomBytes);
  const std::uint32_t tail_at = barriers + static_cast<std::uint32_t>(16 * a.stages);
  auto& tail = *reinterpret_cast<Tail<K>*>(reinterpret_cast<std::byte*>(shared) +
                                           (tail_at - shared_address(shared)));
  const Memory memory{base, K::kOneTile ? base : base + ring_bytes, barriers,
                      barriers + static_cast<std::uint32_t>(8 * a.stages),
                      shared_address(tail.sums)};
  const int rank = static_cast<int>(cluster_rank());
  const int group = static_cast<int>(blockIdx.x) / kCluster;
  if (threadIdx.x == kMathThreads) {
    prefetch_map(a.x);
    for (int i = 0; i < a.linear.w.parts; ++i) {
      prefetch_map(a.w[i]);
    }
  }
  if (threadIdx.x == 0) {
    for (int i = 0; i < a.stages; ++i) {
      barrier_init(memory.full + static_cast<std::uint32_t>(8 * i), 1);
      barrier_init(memory.empty + static_cast<std::uint32_t>(8 * i), kGroups);
    }
    barrier_init(memory.sums, 1);
    barrier_init(memory.sums + 8, 1);
    barrier_init_done();
  }
  cluster_barrier();
  if (threadIdx.x >= kMathThreads) {
    if (threadIdx.x == kMathThreads) {
      produce<K>(a, memory, group, rank * a.plan.slice);
    }
    __syncwarp();
    if constexpr (K::kOneTile) {
      cluster_barrier();
    }
  } else {
    consume<K>(a, memory, group, rank, tail);
  }
  cluster_barrier();  // what is sent to a block must find it there
#endif
}

// What a block may use where two are to run side by side.
constexpr std::size_t kHalf = std::size_t{113} << 10;
// What one may use alone: with several tiles the ring must feed the memory through the exchanges.
constexpr std::size_t kWhole = std::size_t{227} << 10;
// What attention leaves beside two of its blocks.
constexpr int kShortSteps = 4;  // one tile behind it
constexpr int kShortStages = 3;

template <class K>
void launch_batch(const Launch& at, BatchArgs& args) {
  auto* kernel = linear_batch_kernel<K>;
  const int steps = args.plan.slice / K::kColumns;
  const int rounds = (args.plan.tiles + args.plan.groups - 1) / args.plan.groups;
  args.rooms = K::kOneTile ? 0 : rounds > 1 ? 2 : 1;
  const bool beside_attention = steps * rounds <= kShortSteps;
  const int most = beside_attention ? kShortStages : steps * rounds;
  const std::size_t room = rounds > 1 && !K::kOneTile ? kWhole : kHalf;
  args.stages = K::kOneTile ? (K::kRoomBytes + K::kStageBytes - 1) / K::kStageBytes : 1;
  while (args.stages < most && shared_bytes<K>(args.stages + 1, args.rooms) <= room) {
    ++args.stages;
  }
  const std::size_t bytes = shared_bytes<K>(args.stages, args.rooms);
  allow_shared(kernel, bytes);
  launch(
      at, kernel,
      {dim3(static_cast<unsigned>(args.plan.groups * kCluster)), dim3(kThreads), bytes, kCluster},
      args);
}

template <bool kWide>
void launch_tokens(const Launch& at, BatchArgs& args) {
  args.plan.tokens == 32 ? launch_batch<Kind<32, kWide>>(at, args)
                         : launch_batch<Kind<64, kWide>>(at, args);
}

}  // namespace

int linear_batch_clusters(const Launch& at) {
  auto* kernel = linear_batch_kernel<Kind<32, true>>;
  allow_shared(kernel, kWhole);
  cudaLaunchAttribute cluster{};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {kCluster, 1, 1};
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(at.multiprocessors / kCluster * kCluster));
  config.blockDim = dim3(kThreads);
  config.dynamicSmemBytes = kWhole;
  config.stream = at.stream;
  config.attrs = &cluster;
  config.numAttrs = 1;
  int count = 0;
  MONOCLE_CUDA_CHECK(cudaOccupancyMaxActiveClusters(&count, kernel, &config));
  return count;
}

void linear_batch(const Launch& at, const LinearArgs& linear, const BatchPlan& plan,
                  const SplitNorm& norm) {
  BatchArgs args{};
  args.linear = linear;
  args.plan = plan;
  args.early = norm.attends;
  args.x = make_tensor_map({.data = linear.x.data,
                            .element_bytes = 2,
                            .rows = linear.x.rows,
                            .cols = linear.x.cols,
                            .row_bytes = 2 * linear.x.row_stride,
                            .box_rows = plan.tokens});
  for (int i = 0; i < linear.w.parts; ++i) {
    const WeightView& w = linear.w.part[static_cast<std::size_t>(i)];
    args.w[i] = make_tensor_map({.data = w.data,
                                 .element_bytes = 2,
                                 .rows = w.rows,
                                 .cols = w.cols,
                                 .row_bytes = 2 * w.cols,
                                 .box_rows = kBatchBox});
  }
  // The end of scratch: what lies there is read by the next launch, which uses no other scratch.
  float* squares = at.scratch + at.scratch_floats - kBatchMostRows * kSquareParts;
  if (norm.ahead != nullptr) {
    args.squares = squares;
    args.parts = norm.parts;
    args.eps = norm.ahead->eps;
  }
  if (norm.behind != nullptr) {
    args.weight = norm.behind->weight;
    args.weighted = static_cast<std::uint16_t*>(norm.behind->y.data);
    args.weighted_stride = norm.behind->y.row_stride;
    args.squares_out = squares;
  }
  plan.wide ? launch_tokens<true>(at, args) : launch_tokens<false>(at, args);
}

}  // namespace monocle::cuda
