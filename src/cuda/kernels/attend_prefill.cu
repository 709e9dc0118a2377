// SPDX-License-Identifier: Apache-2.0
// attend_paged for prefill chunks: causal attention of a sequence's last n tokens over the paged
// cache, see attend_tiles.cuh for the tile and its traffic. blockIdx.x = tile of 64 queries of one
// sequence, .y = query head. The grid is an upper bound that needs no lengths: T / 64 full tiles
// and one partial tile per sequence.
#include <cmath>

#include "cuda/kernels/attend_tiles.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

template <class Kv>
struct PagedPlan {
  static constexpr bool kInt8 = sizeof(Kv) == 1;
  const AttendPagedArgs& a;
  int queries = 0;
  int keys = 0;
  int row0 = 0;       // of the block's first query
  int position0 = 0;  // of the same
  const std::int32_t* table = nullptr;
  int head = 0;
  int kv_head = 0;

  // Finds the block's tile by walking the sequences; false behind the last one.
  __device__ bool open() {
    int tile = static_cast<int>(blockIdx.x);
    for (int b = 0; b < static_cast<int>(a.context.size()); ++b) {
      const int begin = a.query_start.data()[b];
      const int count = a.query_start.data()[b + 1] - begin;
      const int tiles = count > 1 ? (count + kTileQueries - 1) / kTileQueries : 0;
      if (tile < tiles) {
        const int offset = tile * kTileQueries;
        queries = count - offset < kTileQueries ? count - offset : kTileQueries;
        row0 = begin + offset;
        position0 = a.context.data()[b] - count + offset;
        keys = position0 + queries;
        table = a.block_table + std::int64_t{b} * a.max_blocks;
        head = static_cast<int>(blockIdx.y);
        kv_head = head / (a.heads / a.kv.kv_heads);
        return true;
      }
      tile -= tiles;
    }
    return false;
  }
  __device__ const std::uint16_t* q(int i) const {
    return static_cast<const std::uint16_t*>(a.q.data) + (row0 + i) * a.q.row_stride +
           head * a.kv.head_dim;
  }
  __device__ const Kv* k_base() const { return static_cast<const Kv*>(a.kv.k); }
  __device__ const Kv* v_base() const { return static_cast<const Kv*>(a.kv.v); }
  __device__ const float* k_scale() const { return a.kv.k_scale; }
  __device__ const float* v_scale() const { return a.kv.v_scale; }
  __device__ std::int64_t row(int j) const {  // block_tokens is a power of two
    const int shift = 31 - __clz(a.kv.block_tokens);
    const std::int64_t block = table[j >> shift];
    const std::int64_t token = j & (a.kv.block_tokens - 1);
    return block < 0 ? -1 : (((block * a.kv.kv_heads + kv_head) << shift) + token) * a.kv.head_dim;
  }
  __device__ bool full(int tile, int i) const {
    return a.window == 0 && (tile + 1) * kTileKeys <= position0 + i + 1;
  }
  __device__ bool sees(int i, int key) const {
    const int query = position0 + i;
    return key <= query && (a.window == 0 || key > query - a.window || key < a.sinks);
  }
  __device__ int next(int tile) const {
    const int window_start = a.window == 0 ? 0 : position0 - a.window + 1;
    const int first = window_start > 0 ? window_start / kTileKeys : 0;
    return tile * kTileKeys < a.sinks || tile >= first ? tile : first;
  }
  __device__ void put(int i, int column, float first, float second) const {
    const std::int64_t at = (row0 + i) * a.y.row_stride + head * a.kv.head_dim + column;
    store(a.y.data, a.y.dtype, at, first);
    store(a.y.data, a.y.dtype, at + 1, second);
  }
};

template <class Kv, int kD>
__global__ __launch_bounds__(kTileThreads) void attend_prefill_kernel(
    const __grid_constant__ AttendPagedArgs a) {
  pdl_launch_next();
  pdl_wait();
  PagedPlan<Kv> plan{a};
  if (plan.open()) {
    attend_tile<kD>(plan, kD, a.scale);
  }
}

template <class Kv, int kD>
void launch_prefill(const Launch& at, const AttendPagedArgs& args) {
  auto* kernel = attend_prefill_kernel<Kv, kD>;
  allow_shared(kernel, TileShape<kD>::kSharedBytes);
  const std::int64_t tiles =
      args.q.rows / kTileQueries + static_cast<std::int64_t>(args.context.size());
  launch(at, kernel,
         {dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(args.heads)), dim3(kTileThreads),
          TileShape<kD>::kSharedBytes},
         args);
}

template <class Kv>
void choose_size(const Launch& at, const AttendPagedArgs& args) {
  args.kv.head_dim == 64 ? launch_prefill<Kv, 64>(at, args) : launch_prefill<Kv, 128>(at, args);
}

}  // namespace

bool attend_prefill_fits(const AttendPagedArgs& args) {
  return args.q.dtype == DType::kBF16 &&
         (args.kv.dtype == DType::kBF16 || args.kv.dtype == DType::kI8) &&
         args.q.row_stride % 2 == 0 && (args.kv.block_tokens & (args.kv.block_tokens - 1)) == 0 &&
         (args.kv.head_dim == 64 || args.kv.head_dim == 128);
}

void attend_prefill(const Launch& at, const AttendPagedArgs& args) {
  args.kv.dtype == DType::kI8 ? choose_size<std::int8_t>(at, args)
                              : choose_size<std::uint16_t>(at, args);
}

}  // namespace monocle::cuda
