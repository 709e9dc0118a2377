// SPDX-License-Identifier: Apache-2.0
// linear_stream for more rows of x, or more columns, than linear_narrow takes (see
// linear_stream.cuh).
//
// A block takes 128 rows of W at a time, 16 per warp, and a part of the columns; the blocks of a
// cluster share out the columns and read each other's sums: each adds and stores a share of the
// results. x passes from memory to shared memory once per block, not once per 16 rows of W.
#include "cuda/kernels/linear_stream.cuh"

namespace monocle::cuda {
namespace {

constexpr int kThreads = kStreamThreads;
constexpr int kAhead = 2;  // results of a thread that are prepared before the sums meet

// Every block's sums lie in its shared memory.
__device__ inline void meet(bool alone) {
  __syncthreads();
  if (!alone) {
    cluster_arrive();
    cluster_wait();
  }
}

// Every block has read what it wanted of the others' sums.
__device__ inline void part(bool alone) {
  __syncthreads();
  if (!alone) {
    cluster_arrive_read();
    cluster_wait();
  }
}

// The factor of row `threadIdx.x` of x.
__device__ inline void make_factors(const StreamArgs& a, const float* squares, float* factors) {
  const int token = static_cast<int>(threadIdx.x);
  if (token >= static_cast<int>(a.linear.x.rows)) {
    return;
  }
  float sum = 0.0F;
  for (int rank = 0; a.has_norm && rank < a.plan.cluster; ++rank) {
#pragma unroll 8
    for (int i = 0; i < a.segments; ++i) {
      const float* mine = squares + token * a.segments + i;
      sum += a.plan.cluster > 1 ? load_peer(mine, rank) : *mine;
    }
  }
  factors[token] = a.has_norm ? 1.0F / sqrtf(sum / static_cast<float>(a.k) + a.norm.eps) : 1.0F;
}

// Adds the sums of the blocks that shared columns, in order; for SwiGLU rows 8 further on as well.
template <class K>
__device__ inline float2 add_sums(const StreamArgs& a, const float* room, const Place<K>& at) {
  const float* mine =
      room + at.out / K::kOut * K::kWarpRoom + at.token * kStreamTokenPitch + at.out % K::kOut;
  if (a.plan.cluster == 1) {
    return {mine[0], K::kSwiGlu ? mine[8] : 0.0F};
  }
  float2 part[kMaxCluster];
#pragma unroll
  for (int rank = 0; rank < kMaxCluster; ++rank) {
    part[rank] = {0.0F, 0.0F};
    if (rank < a.plan.cluster) {
      part[rank].x = load_peer(mine, rank);
      part[rank].y = K::kSwiGlu ? load_peer(mine + 8, rank) : 0.0F;
    }
  }
  float2 sum{0.0F, 0.0F};
#pragma unroll
  for (int rank = 0; rank < kMaxCluster; ++rank) {
    sum.x += part[rank].x;
    sum.y += part[rank].y;
  }
  return sum;
}

// The results of a tile that each block stores.
template <class K>
__device__ inline int share_of(const StreamArgs& a) {
  static_assert(K::kTileOut % kMaxCluster == 0);
  return static_cast<int>(a.linear.x.rows) * (K::kTileOut / a.plan.cluster);
}

template <class K>
__device__ inline void store_results(const StreamArgs& a, int tile, int rank, const float* room,
                                     const float* factors, const Extra (&ahead)[kAhead]) {
  const int share = share_of<K>(a);
  for (int i = static_cast<int>(threadIdx.x), turn = 0; i < share; i += kThreads, ++turn) {
    const Place<K> at(a, tile, rank * share + i);
    if (!at.exists) {
      continue;
    }
    const Extra extra = turn == 0 ? ahead[0] : turn == 1 ? ahead[1] : load_extra<K>(a, at);
    store_result<K>(a, at, extra, factors[at.token], add_sums<K>(a, room, at));
  }
}

template <class K>
__global__ __launch_bounds__(kThreads,
                             2) void linear_wide_kernel(const __grid_constant__ StreamArgs a) {
  extern __shared__ uint4 shared[];
  auto* room = reinterpret_cast<float*>(reinterpret_cast<std::uint8_t*>(shared) + K::kRingBytes);
  float* factors = room + K::kRoom;        // [kStreamRows]
  float* squares = factors + kStreamRows;  // [rows of x, padded][segments]
  constexpr int kTokens = 8 * K::kTokenTiles;
  auto* xs = reinterpret_cast<std::uint16_t*>(squares + kTokens * a.segments);
  const bool alone = a.plan.cluster == 1;
  const int rank = static_cast<int>(blockIdx.x) % a.plan.cluster;
  const int group = static_cast<int>(blockIdx.x) / a.plan.cluster;
  const int slice0 = rank * a.plan.slice;
  const int first = slice0 * K::kElement;
  const int end = (slice0 + a.plan.slice < a.k ? slice0 + a.plan.slice : a.k) * K::kElement;
  const std::uint32_t ring =
      shared_address(shared) +
      static_cast<std::uint32_t>(static_cast<int>(threadIdx.x / 32) * K::kStages * K::kStageBytes);
  SourceOf<K> source;  // of the next copy
  source.enter(a, group);
#pragma unroll 1
  for (int i = 0; i < K::kStages; ++i) {
    source.copy(a, first, end, ring + static_cast<std::uint32_t>(i * K::kStageBytes));
    source.advance(a);
    copy_commit();
  }
  pdl_wait();
  pdl_launch_next();
  a.has_norm ? load_unnormed(a, slice0, kTokens, xs, squares) : load_x(a, slice0, kTokens, xs);
  meet(alone || !a.has_norm);
  make_factors(a, squares, factors);

  const XSource<K> x(a, xs, nullptr);
  typename K::Sums sum = {};
  Extra extra[kAhead];
  std::uint32_t stage = ring;
  for (int tile = group; tile < a.plan.tiles; tile += a.plan.groups) {
    for (int chunk = 0; chunk < a.plan.chunks; ++chunk) {
      copy_wait<K::kStages - 1>();
      __syncwarp();
      x.multiply(stage, chunk * K::kColumns, sum);
      __syncwarp();
      source.copy(a, first, end, stage);
      source.advance(a);
      copy_commit();
      stage += K::kStageBytes;
      stage = stage == ring + K::kStages * K::kStageBytes ? ring : stage;
    }
#pragma unroll
    for (int i = 0; i < kAhead; ++i) {
      const int item = static_cast<int>(threadIdx.x) + i * kThreads;
      const bool mine = item < share_of<K>(a);
      extra[i] =
          load_extra<K>(a, Place<K>(a, mine ? tile : a.plan.tiles, rank * share_of<K>(a) + item));
    }
    if (tile != group) {  // the room of the tile before has been read
      part(alone);
    }
    put_sums<K>(room, sum);
    meet(alone);
    store_results<K>(a, tile, rank, room, factors, extra);
    if (a.has_norm && tile == group) {
      store_norm(a, factors, static_cast<int>(threadIdx.x), kThreads);
    }
  }
  part(alone);
}

template <bool kSwiGlu, QuantFormat kFormat, int kTokenTiles>
void launch_wide(const Launch& at, const StreamArgs& args) {
  auto* kernel =
      linear_wide_kernel<StreamKind<1, kTokenTiles, kSwiGlu, kFormat, kWideRing.row_bytes,
                                    stream_stages(kWideRing, kFormat)>>;
  allow_shared(kernel, args.plan.shared_bytes);
  launch(at, kernel,
         {dim3(static_cast<unsigned>(args.plan.groups * args.plan.cluster)), dim3(kThreads),
          args.plan.shared_bytes, static_cast<unsigned>(args.plan.cluster)},
         args);
}

template <bool kSwiGlu, QuantFormat kFormat>
void choose_wide(const Launch& at, const StreamArgs& args) {
  switch (args.plan.token_tiles) {
    case 1:
      return launch_wide<kSwiGlu, kFormat, 1>(at, args);
    case 2:
      return launch_wide<kSwiGlu, kFormat, 2>(at, args);
    case 4:
      return launch_wide<kSwiGlu, kFormat, 4>(at, args);
    default:
      return launch_wide<kSwiGlu, kFormat, 8>(at, args);
  }
}

}  // namespace

void linear_wide(const Launch& at, const StreamArgs& args) {
  with_stream_format(args.linear.w.format(), [&]<QuantFormat kFormat>() {
    args.linear.epilogue == Epilogue::kSwiGlu ? choose_wide<true, kFormat>(at, args)
                                              : choose_wide<false, kFormat>(at, args);
  });
}

}  // namespace monocle::cuda
