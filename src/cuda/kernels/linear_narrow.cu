// SPDX-License-Identifier: Apache-2.0
// linear_stream for one or two rows of x (see linear_stream.cuh), up to 8 where there are no
// clusters: all columns of x lie in shared memory.
//
// A block takes 16 rows of W at a time; its 8 streaming warps share out the columns. A ninth warp
// adds their sums and stores the results while they stream on: two rooms for sums, used in turn,
// so that nobody waits unless the ninth falls two tiles behind.
#include "cuda/kernels/linear_stream.cuh"

namespace monocle::cuda {
namespace {

constexpr int kThreads = kStreamThreads + 32;

enum Barrier : int { kFull = 1, kEmpty = 3 };  // of each of the two rooms

__device__ inline void barrier_sync(int id) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "n"(kThreads) : "memory");
}
__device__ inline void barrier_arrive(int id) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "n"(kThreads) : "memory");
}

__device__ inline void make_factors(const StreamArgs& a, const float* squares, float* factors) {
  const int token = static_cast<int>(threadIdx.x % 32);
  if (token < static_cast<int>(a.linear.x.rows)) {
    float sum = 0.0F;
#pragma unroll 8
    for (int i = 0; a.has_norm && i < a.segments; ++i) {
      sum += squares[token * a.segments + i];
    }
    factors[token] = a.has_norm ? 1.0F / sqrtf(sum / static_cast<float>(a.k) + a.norm.eps) : 1.0F;
  }
  __syncwarp();
}

// The ninth warp. What its first results need is asked for before the sums meet.
template <class K>
__device__ inline void finish_tiles(const StreamArgs& a, const float* rooms, const float* factors) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int items = static_cast<int>(a.linear.x.rows) * K::kOut;
  int turn = 0;
  for (int tile = static_cast<int>(blockIdx.x); tile < a.plan.tiles; tile += a.plan.groups) {
    const Extra ahead = load_extra<K>(a, Place<K>(a, tile, lane));
    barrier_sync(kFull + turn);
    const float* room = rooms + turn * K::kRoom;
#pragma unroll 1
    for (int item = lane; item < items; item += 32) {
      const Place<K> at(a, tile, item);
      if (!at.exists) {
        continue;
      }
      float2 sum{0.0F, 0.0F};
#pragma unroll
      for (int w = 0; w < kStreamWarps; ++w) {
        const float* from = room + w * K::kWarpRoom + at.token * kStreamTokenPitch + at.out;
        sum.x += from[0];
        sum.y += K::kSwiGlu ? from[8] : 0.0F;
      }
      store_result<K>(a, at, item == lane ? ahead : load_extra<K>(a, at), factors[at.token], sum);
    }
    if (tile + 2 * a.plan.groups < a.plan.tiles) {
      barrier_arrive(kEmpty + turn);
    }
    turn ^= 1;
  }
}

template <class K>
__device__ inline void stream_tiles(const StreamArgs& a, SourceOf<K>& source, int first, int end,
                                    std::uint32_t ring, const XSource<K>& x, float* rooms) {
  const int warp = static_cast<int>(threadIdx.x / 32);
  typename K::Sums sum = {};
  std::uint32_t stage = ring;
  int turn = 0;
  bool used = false;  // both rooms
  for (int tile = static_cast<int>(blockIdx.x); tile < a.plan.tiles; tile += a.plan.groups) {
    for (int chunk = 0; chunk < a.plan.chunks; ++chunk) {
      copy_wait<K::kStages - 1>();
      __syncwarp();
      x.multiply(stage, (chunk * kStreamWarps + warp) * K::kColumns, sum);
      __syncwarp();
      source.copy(a, first, end, stage);
      source.advance(a);
      copy_commit();
      stage += K::kStageBytes;
      stage = stage == ring + K::kStages * K::kStageBytes ? ring : stage;
    }
    if (used) {
      barrier_sync(kEmpty + turn);
    }
    put_sums<K>(rooms + turn * K::kRoom, sum);
    barrier_arrive(kFull + turn);
    used = used || turn == 1;
    turn ^= 1;
  }
}

template <class K>
__global__ __launch_bounds__(kThreads,
                             2) void linear_narrow_kernel(const __grid_constant__ StreamArgs a) {
  extern __shared__ uint4 shared[];
  auto* rooms = reinterpret_cast<float*>(reinterpret_cast<std::uint8_t*>(shared) + K::kRingBytes);
  float* squares = rooms + 2 * K::kRoom;  // [rows of x][segments]
  auto* zeros = reinterpret_cast<std::uint16_t*>(
      squares + (static_cast<int>(a.linear.x.rows) * a.segments + 3) / 4 * 4);  // 32 bytes
  auto* factors = reinterpret_cast<float*>(zeros + 16);                         // [8]
  auto* xs = reinterpret_cast<std::uint16_t*>(factors + 8);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const bool streams = warp < kStreamWarps;
  const int first = warp * K::kColumns * K::kElement;
  const int end = a.k * K::kElement;
  const std::uint32_t ring =
      shared_address(shared) + static_cast<std::uint32_t>(warp * K::kStages * K::kStageBytes);
  SourceOf<K> source;  // of the next copy
  if (streams) {
    source.enter(a, static_cast<int>(blockIdx.x));
#pragma unroll 1
    for (int i = 0; i < K::kStages; ++i) {
      source.copy(a, first, end, ring + static_cast<std::uint32_t>(i * K::kStageBytes));
      source.advance(a);
      copy_commit();
    }
  } else if (threadIdx.x % 32 < 2) {
    reinterpret_cast<uint4*>(zeros)[threadIdx.x % 32] = {0, 0, 0, 0};
  }
  pdl_wait();
  pdl_launch_next();
  if (streams) {
    const int m = static_cast<int>(a.linear.x.rows);
    a.has_norm ? load_unnormed(a, 0, m, xs, squares) : load_x(a, 0, m, xs);
  }
  __syncthreads();
  if (streams) {
    stream_tiles<K>(a, source, first, end, ring, XSource<K>(a, xs, zeros), rooms);
  } else {
    make_factors(a, squares, factors);
    if (a.has_norm) {
      store_norm(a, factors, static_cast<int>(threadIdx.x % 32), 32);
    }
    finish_tiles<K>(a, rooms, factors);
  }
}

template <bool kSwiGlu, QuantFormat kFormat>
void launch_narrow(const Launch& at, const StreamArgs& args) {
  auto* kernel =
      linear_narrow_kernel<StreamKind<kStreamWarps, 1, kSwiGlu, kFormat, kNarrowRing.row_bytes,
                                      stream_stages(kNarrowRing, kFormat)>>;
  allow_shared(kernel, args.plan.shared_bytes);
  launch(at, kernel,
         {dim3(static_cast<unsigned>(args.plan.groups)), dim3(kThreads), args.plan.shared_bytes},
         args);
}

}  // namespace

void linear_narrow(const Launch& at, const StreamArgs& args) {
  with_stream_format(args.linear.w.format(), [&]<QuantFormat kFormat>() {
    args.linear.epilogue == Epilogue::kSwiGlu ? launch_narrow<true, kFormat>(at, args)
                                              : launch_narrow<false, kFormat>(at, args);
  });
}

void linear_stream(const Launch& at, const LinearArgs& args, const StreamPlan& plan,
                   const NormArgs* norm) {
  StreamArgs a{};
  a.linear = args;
  a.plan = plan;
  a.segments = (plan.slice + kStreamSegment - 1) / kStreamSegment;
  a.per_segment = 65536 / a.segments + 1;
  a.has_norm = norm != nullptr;
  a.pairs = args.w.format() == QuantFormat::kInt4Group;
  if (norm != nullptr) {
    a.norm = *norm;
  }
  a.k = static_cast<int>(args.x.cols);
  int end = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const bool used = static_cast<int>(i) < args.w.parts;
    end += used ? static_cast<int>(args.w.part[i].rows) : 0;
    a.part[i] = static_cast<const std::uint8_t*>(used ? args.w.part[i].data : args.w.part[0].data);
    a.part_end[i] = end;
  }
  plan.narrow ? linear_narrow(at, a) : linear_wide(at, a);
}

}  // namespace monocle::cuda
