// SPDX-License-Identifier: Apache-2.0
// attend_packed in bf16: bidirectional attention inside each segment of packed patches, q and k
// turned by 2-D rope.
//
// Two launches. Turning: one warp per patch and head of q, k or v; rounds the head to bf16 in
// place, in the first half of its own float32 channels: 4 D bytes read, 2 D written. Attention:
// attend_tiles.cuh, blockIdx.x = tile of 64 queries of one segment, .y = head. Patches are not
// padded to tiles anywhere but in the last tile of a segment.
#include <cmath>

#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kTurnWarps = 8;
constexpr int kHalfPerLane = 2;  // head_dim up to 128

__global__ void turn_kernel(const __grid_constant__ AttendPackedArgs a) {
  pdl_launch_next();
  pdl_wait();
  const int all_heads = 3 * a.heads;
  const std::int64_t item = std::int64_t{blockIdx.x} * kTurnWarps + threadIdx.x / 32;
  if (item >= a.qkv.rows * all_heads) {
    return;
  }
  const std::int64_t patch = item / all_heads;
  const int head = static_cast<int>(item % all_heads);
  const int half = a.head_dim / 2;
  const int quarter = a.head_dim / 4;
  float* x =
      static_cast<float*>(a.qkv.data) + patch * a.qkv.row_stride + std::int64_t{head} * a.head_dim;
  float low[kHalfPerLane];
  float high[kHalfPerLane];
#pragma unroll
  for (int i = 0; i < kHalfPerLane; ++i) {
    const int c = static_cast<int>(threadIdx.x % 32) + 32 * i;
    low[i] = c < half ? __ldcg(x + c) : 0.0F;
    high[i] = c < half ? __ldcg(x + c + half) : 0.0F;
    if (c < half && head < 2 * a.heads) {
      const std::int32_t position = c < quarter ? a.row.data()[patch] : a.col.data()[patch];
      float sine = 0.0F;
      float cosine = 0.0F;
      sincosf(static_cast<float>(position) * a.inv_freq[c % quarter], &sine, &cosine);
      const float first = low[i];
      low[i] = first * cosine - high[i] * sine;
      high[i] = high[i] * cosine + first * sine;
    }
  }
  __syncwarp();  // the bf16 channels overwrite what other lanes have read
  auto* y = reinterpret_cast<std::uint16_t*>(x);
#pragma unroll
  for (int i = 0; i < kHalfPerLane; ++i) {
    const int c = static_cast<int>(threadIdx.x % 32) + 32 * i;
    if (c < half) {
      y[c] = to_bf16(low[i]);
      y[c + half] = to_bf16(high[i]);
    }
  }
}

struct PackedPlan {
  const AttendPackedArgs& a;
  int queries = 0;
  int keys = 0;
  std::int64_t patch0 = 0;  // first query
  std::int64_t begin = 0;   // of the segment

  __device__ bool open() {
    int tile = static_cast<int>(blockIdx.x);
    for (int s = 0; s + 1 < static_cast<int>(a.segments.size()); ++s) {
      begin = a.segments.data()[s];
      keys = a.segments.data()[s + 1] - static_cast<int>(begin);
      const int tiles = (keys + kTileQueries - 1) / kTileQueries;
      if (tile < tiles) {
        const int offset = tile * kTileQueries;
        queries = keys - offset < kTileQueries ? keys - offset : kTileQueries;
        patch0 = begin + offset;
        return true;
      }
      tile -= tiles;
    }
    return false;
  }
  __device__ const std::uint16_t* q(int i) const { return turned(0, patch0 + i); }
  __device__ const std::uint16_t* k_base() const { return turned(1, begin); }
  __device__ const std::uint16_t* v_base() const { return turned(2, begin); }
  __device__ std::int64_t row(int j) const {
    return 2 * j * a.qkv.row_stride;
  }  // bf16 in the place of float32
  __device__ bool full(int tile, int) const { return (tile + 1) * kTileKeys <= keys; }
  __device__ bool sees(int, int) const { return true; }
  __device__ int next(int tile) const { return tile; }
  __device__ void put(int i, int column, float first, float second) const {
    const std::int64_t at =
        (patch0 + i) * a.y.row_stride + static_cast<int>(blockIdx.y) * a.head_dim + column;
    store(a.y.data, a.y.dtype, at, first);
    store(a.y.data, a.y.dtype, at + 1, second);
  }

 private:
  __device__ const std::uint16_t* turned(int which, std::int64_t patch) const {
    const std::int64_t head = std::int64_t{which} * a.heads + blockIdx.y;
    return reinterpret_cast<const std::uint16_t*>(static_cast<const float*>(a.qkv.data) +
                                                  patch * a.qkv.row_stride + head * a.head_dim);
  }
};

template <int kD>
__global__ __launch_bounds__(kTileThreads) void attend_packed_kernel(
    const __grid_constant__ AttendPackedArgs a) {
  pdl_launch_next();
  pdl_wait();
  PackedPlan plan{a};
  if (plan.open()) {
    attend_tile<kD>(plan, a.head_dim, a.scale);
  }
}

template <int kD>
void launch_packed(const Launch& at, const AttendPackedArgs& args) {
  auto* kernel = attend_packed_kernel<kD>;
  allow_shared(kernel, TileShape<kD>::kSharedBytes);
  const std::int64_t tiles =
      args.qkv.rows / kTileQueries + static_cast<std::int64_t>(args.segments.size()) - 1;
  launch(at, kernel,
         {dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(args.heads)), dim3(kTileThreads),
          TileShape<kD>::kSharedBytes},
         args);
}

}  // namespace

bool attend_packed_tiles_fits(const AttendPackedArgs& args) {
  return args.head_dim % 8 == 0 && args.head_dim <= 128 && args.qkv.row_stride % 4 == 0 &&
         reinterpret_cast<std::uintptr_t>(args.qkv.data) % 16 == 0;
}

void attend_packed_tiles(const Launch& at, const AttendPackedArgs& args) {
  if (args.qkv.rows == 0) {
    return;
  }
  const std::int64_t items = args.qkv.rows * 3 * args.heads;
  launch(
      at, turn_kernel,
      {dim3(static_cast<unsigned>((items + kTurnWarps - 1) / kTurnWarps)), dim3(32 * kTurnWarps)},
      args);
  if (args.head_dim <= 64) {
    launch_packed<64>(at, args);
  } else if (args.head_dim <= 80) {
    launch_packed<80>(at, args);
  } else {
    launch_packed<128>(at, args);
  }
}

}  // namespace monocle::cuda
