// SPDX-License-Identifier: Apache-2.0
// All decoder layers of a step of single tokens, and the head behind them, in one launch: a block
// per multiprocessor stays for the whole step.
//
// Reads every weight once, 2 bytes each (1 of int8 and fp8, 17/32 of int4), and every cache.
// Launch by launch the memory would idle from the end of one to the first products of the next,
// five times a layer. Here the weights are one stream (layers_stream.cuh) that no barrier stops:
// while a block waits for the others, loads x or attends, what it will multiply next arrives.
// Between the phases of a layer the blocks meet in memory (grid_barrier.cuh), which needs all of
// them to be running: no more blocks than multiprocessors, and nothing beside this stream.
#include "cuda/kernels/layers.h"
#include "cuda/kernels/layers_attend.cuh"

namespace monocle::cuda {
namespace {

using namespace layers;  // NOLINT(google-build-using-namespace): the other parts of this file

// Floats from the start of scratch.
constexpr std::size_t kSquares = std::size_t{256} << 10;
constexpr std::size_t kMasses = std::size_t{512} << 10;
constexpr std::size_t kSums = std::size_t{1} << 20;
constexpr int kBarrierCounters = 2;  // at the start of the counters; behind them the arrivals

struct LayersArgs {
  Between between;
  std::uint32_t* barrier;
  const CUtensorMap* maps;  // [layers][kLayerMaps]
  StepProgram program;
};

template <class K>
__device__ inline void place_weights(const StepProgram& p, Shared<K>& shared) {
  static_assert(sizeof(LayerWeights) % 8 == 0);
  const auto* from = reinterpret_cast<const std::uint64_t*>(p.layer.data());
  auto* to = reinterpret_cast<std::uint64_t*>(shared.layer);
  const int count = p.layers * static_cast<int>(sizeof(LayerWeights) / 8);
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    to[i] = from[i];
  }
}

template <class Cache>
__global__ __launch_bounds__(kThreads,
                             1) void layers_kernel(const __grid_constant__ LayersArgs args) {
  using K = typename Cache::K;
  extern __shared__ __align__(1024) std::uint8_t layers_memory[];
  auto& shared = *reinterpret_cast<Shared<K>*>(layers_memory);
  const StepProgram& p = args.program;
  const Between& between = args.between;
  GridBarrier barrier{args.barrier};
  if (threadIdx.x < kWarps * K::kStages) {
    barrier_init(shared_address(&shared.arrived[0][0] + threadIdx.x), 1);
  }
  barrier_init_done();
  __syncthreads();
  Ring<K> ring;
  ring.fill(p, args.maps, shared);
  place_weights(p, shared);
  pdl_wait();
  begin_x(p, between);
  barrier.arrive();
  Item<Cache> mine;
  if (static_cast<int>(blockIdx.x) < p.rows * p.rope.kv.kv_heads * between.parts) {
    mine.find(p, between, static_cast<int>(blockIdx.x));
  }
  const auto* attended = static_cast<const std::uint16_t*>(p.attend.y.data);
  const int in_layers = kPhases * p.layers;
  const int steps = in_layers + (p.head.rows > 0 ? 1 : 0);
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    const int layer = step < in_layers ? step / kPhases : p.layers - 1;
    const int phase = step < in_layers ? step % kPhases : kHead;
    const bool last = step + 1 == steps;
    const std::uint16_t* x = phase == kOut    ? attended
                             : phase == kDown ? p.inside
                                              : between.weighted;
    barrier.wait();
    if (last) {
      pdl_launch_next();
    }
    run_linear<K>(p, between, {layer, phase, x}, ring, shared);
    if (!last) {
      barrier.arrive();  // x has been used as well: its room takes keys
    }
    if (phase == kProject) {
      run_attention<Cache>(p, between, shared.layer[layer], mine, barrier, shared);
      barrier.arrive();
    }
  }
  barrier.leave();
}

template <int kRows, QuantFormat kFormat>
void launch_layers(const Launch& at, const LayersArgs& args) {
  using K = Kind<kRows, kFormat>;
  static_assert(sizeof(Shared<K>) <= std::size_t{227} << 10);
  auto* kernel = args.program.rope.kv.dtype == DType::kI8 ? layers_kernel<Int8Cache<K>>
                                                          : layers_kernel<WideCache<K>>;
  allow_shared(kernel, sizeof(Shared<K>));
  launch(at, kernel,
         {dim3(static_cast<unsigned>(at.multiprocessors)), dim3(kThreads), sizeof(Shared<K>)},
         args);
}

// One or two rows beside bf16 weights are faster launch by launch (linear_narrow.cu).
constexpr int kNarrowRows = 2;

template <QuantFormat kFormat>
void choose_rows(const Launch& at, const LayersArgs& args) {
  args.program.rows <= kNarrowRows ? launch_layers<kNarrowRows, kFormat>(at, args)
                                   : launch_layers<kLayerRows, kFormat>(at, args);
}

}  // namespace

bool run_layers_fits(const Launch& at, const StepProgram& program) {
  const std::size_t most = static_cast<std::size_t>(program.rows) * kMostItemParts *
                           static_cast<std::size_t>(program.q_dim);
  return at.clusters && (program.format != QuantFormat::kBF16 || program.rows > kNarrowRows) &&
         program.rows <= kLayerRows && program.hidden / 16 <= kMostUnits &&
         most < at.scratch_floats - kSums;
}

void run_layers(const Launch& at, const StepProgram& program, const CUtensorMap* maps) {
  LayersArgs args;
  args.between = {reinterpret_cast<std::uint16_t*>(at.scratch),
                  at.scratch + kSquares,
                  reinterpret_cast<float2*>(at.scratch + kMasses),
                  at.scratch + kSums,
                  at.counters + kBarrierCounters,
                  item_parts(program.rows * program.rope.kv.kv_heads, at.multiprocessors)};
  args.barrier = at.counters;
  args.maps = maps;
  args.program = program;
  switch (program.format) {
    case QuantFormat::kInt8Channel:
      return choose_rows<QuantFormat::kInt8Channel>(at, args);
    case QuantFormat::kFp8Channel:
      return choose_rows<QuantFormat::kFp8Channel>(at, args);
    case QuantFormat::kInt4Group:
      return choose_rows<QuantFormat::kInt4Group>(at, args);
    default:
      return launch_layers<kLayerRows, QuantFormat::kBF16>(at, args);
  }
}

}  // namespace monocle::cuda
