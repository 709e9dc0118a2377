// SPDX-License-Identifier: Apache-2.0
// attend_packed in bf16: bidirectional attention inside each segment of packed patches, q and k
// turned by 2-D rope.
//
// Two launches. Turning: one block per patch, a warp per head of q, k or v; rounds the head to bf16
// in place, in the first half of its own float32 channels: 4 D bytes read, 2 D written. Attention:
// attend_tiles.cuh, blockIdx.x = tile of 64 queries of one segment, .y = head. Patches are not
// padded to tiles anywhere but in the last tile of a segment.
#include <cmath>

#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kTurnWarps = 8;
constexpr int kHalfPerLane = 2;  // head_dim up to 128

__global__ __launch_bounds__(32 * kTurnWarps) void turn_kernel(
    const __grid_constant__ AttendPackedArgs a) {
  __shared__ float sines[64];
  __shared__ float cosines[64];
  pdl_launch_next();
  pdl_wait();
  const std::int64_t patch = blockIdx.x;
  const int half = a.head_dim / 2;
  const int quarter = a.head_dim / 4;
  if (static_cast<int>(threadIdx.x) < half) {
    const int c = static_cast<int>(threadIdx.x);
    const std::int32_t position = c < quarter ? a.row.data()[patch] : a.col.data()[patch];
    sincosf(static_cast<float>(position) * a.inv_freq[c % quarter], &sines[c], &cosines[c]);
  }
  __syncthreads();
  float* row = static_cast<float*>(a.qkv.data) + patch * a.qkv.row_stride;
  for (int head = static_cast<int>(threadIdx.x / 32); head < 3 * a.heads; head += kTurnWarps) {
    float* x = row + head * a.head_dim;
    float low[kHalfPerLane];
    float high[kHalfPerLane];
#pragma unroll
    for (int i = 0; i < kHalfPerLane; ++i) {
      const int c = static_cast<int>(threadIdx.x % 32) + 32 * i;
      low[i] = c < half ? __ldcg(x + c) : 0.0F;
      high[i] = c < half ? __ldcg(x + c + half) : 0.0F;
      if (c < half && head < 2 * a.heads) {
        const float first = low[i];
        low[i] = first * cosines[c] - high[i] * sines[c];
        high[i] = high[i] * cosines[c] + first * sines[c];
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
}

struct PackedPlan {
  static constexpr bool kInt8 = false;
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

void turn_packed(const Launch& at, const AttendPackedArgs& args) {
  launch(at, turn_kernel, {dim3(static_cast<unsigned>(args.qkv.rows)), dim3(32 * kTurnWarps)},
         args);
}

void attend_packed_tiles(const Launch& at, const AttendPackedArgs& args) {
  if (args.qkv.rows == 0) {
    return;
  }
  turn_packed(at, args);
  if (args.head_dim <= 64) {
    launch_packed<64>(at, args);
  } else if (args.head_dim <= 80) {
    launch_packed<80>(at, args);
  } else {
    launch_packed<128>(at, args);
  }
}

}  // namespace monocle::cuda
