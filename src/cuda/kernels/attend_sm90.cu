// SPDX-License-Identifier: Apache-2.0
// The tasks of attend_sm90.cuh and their launches: a segment of packed patches, and a prefill chunk
// over the paged cache.
#include "cuda/kernels/attend_sm90.cuh"

#include "cuda/kernels/attend_sm90_int8.cuh"
#include "cuda/kernels/kernels.h"
#include "cuda/tensor_map.h"

namespace monocle::cuda {
namespace {

struct PackedArgs {
  CUtensorMap q;  // both over qkv, whose heads hold bf16 in the first half of their channels
  CUtensorMap kv;
  AttendPackedArgs attend;
};
struct PagedArgs {
  CUtensorMap q;
  CUtensorMap k;
  CUtensorMap v;
  AttendPagedArgs attend;
};

#if defined(MONOCLE_SM90A)
template <int kD, int kGroups>
struct PackedTask {
  using R = Room<kD, kGroups>;
  const PackedArgs& p;
  int queries = 0;
  int keys = 0;
  int patch0 = 0;  // first query
  int begin = 0;   // of the segment

  __device__ bool open() {
    const AttendPackedArgs& a = p.attend;
    int tile = static_cast<int>(blockIdx.x);
    for (int s = 0; s + 1 < static_cast<int>(a.segments.size()); ++s) {
      begin = a.segments.data()[s];
      keys = a.segments.data()[s + 1] - begin;
      const int tiles = (keys + R::kQueries - 1) / R::kQueries;
      if (tile < tiles) {
        patch0 = begin + tile * R::kQueries;
        queries = min(begin + keys - patch0, R::kQueries);
        return true;
      }
      tile -= tiles;
    }
    return false;
  }
  __device__ float scale() const { return p.attend.scale; }
  __device__ int limit(int) const { return keys; }
  __device__ void copy_q(std::uint32_t to, std::uint32_t barrier) const {
    if (threadIdx.x == 0) {
      copy_box(to, p.q, column(0), patch0, barrier);
    }
  }
  __device__ void copy_k(std::uint32_t to, int tile, std::uint32_t barrier) const {
    if (threadIdx.x == 0) {
      copy_box(to, p.kv, column(1), begin + tile * kKeys, barrier);
    }
  }
  __device__ void copy_v(std::uint32_t to, int tile, std::uint32_t barrier) const {
    if (threadIdx.x == 0) {
      copy_box(to, p.kv, column(2), begin + tile * kKeys, barrier);
    }
  }
  __device__ void put(int i, int c, float first, float second) const {
    const TensorView& y = p.attend.y;
    put_pair(y, (patch0 + i) * y.row_stride + static_cast<int>(blockIdx.y) * kD + c, first, second);
  }

 private:
  __device__ int column(int which) const {
    return 2 * kD * (which * p.attend.heads + static_cast<int>(blockIdx.y));
  }
};

template <int kD, int kGroups>
struct PagedTask {
  using R = Room<kD, kGroups>;
  const PagedArgs& p;
  int queries = 0;
  int keys = 0;
  int row0 = 0;       // of the block's first query
  int position0 = 0;  // of the same
  const std::int32_t* table = nullptr;
  int kv_head = 0;

  __device__ bool open() {
    const AttendPagedArgs& a = p.attend;
    int tile = static_cast<int>(blockIdx.x);
    for (int b = 0; b < static_cast<int>(a.context.size()); ++b) {
      const int begin = a.query_start.data()[b];
      const int count = a.query_start.data()[b + 1] - begin;
      const int tiles = count > 1 ? (count + R::kQueries - 1) / R::kQueries : 0;
      if (tile < tiles) {
        // The last queries see the most keys: they start first.
        const int offset = (tiles - 1 - tile) * R::kQueries;
        queries = min(count - offset, R::kQueries);
        row0 = begin + offset;
        position0 = a.context.data()[b] - count + offset;
        keys = position0 + queries;
        table = a.block_table + std::int64_t{b} * a.max_blocks;
        kv_head = static_cast<int>(blockIdx.y) / (a.heads / a.kv.kv_heads);
        return true;
      }
      tile -= tiles;
    }
    return false;
  }
  __device__ float scale() const { return p.attend.scale; }
  __device__ int limit(int i) const { return position0 + i + 1; }
  __device__ void copy_q(std::uint32_t to, std::uint32_t barrier) const {
    if (static_cast<int>(threadIdx.x) < R::kPlanes) {
      const int plane = static_cast<int>(threadIdx.x);
      copy_box(to + plane * R::kQueryPlane, p.q, static_cast<int>(blockIdx.y) * kD + plane * 64,
               row0, barrier);
    }
  }
  __device__ void copy_k(std::uint32_t to, int tile, std::uint32_t barrier) const {
    copy_blocks(to, p.k, tile, barrier);
  }
  __device__ void copy_v(std::uint32_t to, int tile, std::uint32_t barrier) const {
    copy_blocks(to, p.v, tile, barrier);
  }
  // Instead of both, for a cache of int8.
  template <class Widening>
  __device__ void widen(std::uint32_t room, const Barriers<Widening>& at, int tiles) const {
    produce_int8<Widening, kD>(*this, room, at, tiles);
  }
  __device__ void put(int i, int c, float first, float second) const {
    const TensorView& y = p.attend.y;
    put_pair(y, (row0 + i) * y.row_stride + static_cast<int>(blockIdx.y) * kD + c, first, second);
  }

 private:
  // A box for each block of the cache and plane. Blocks behind the last key are rows outside the
  // cache: zeros.
  __device__ void copy_blocks(std::uint32_t to, const CUtensorMap& map, int tile,
                              std::uint32_t barrier) const {
    const KvView& kv = p.attend.kv;
    const int shift = 31 - __clz(kv.block_tokens);
    const int boxes = kKeys >> shift;
    for (int i = static_cast<int>(threadIdx.x); i < boxes * R::kPlanes; i += 32) {
      const int plane = i / boxes;
      const int b = i % boxes;
      const int index = tile * boxes + b;
      const int block = index << shift < keys ? table[index] : -1;
      const int row = ((block >= 0 ? block : kv.blocks) * kv.kv_heads + kv_head) << shift;
      copy_box(to + plane * R::kKeyPlane + (b << shift) * kRowBytes, map, plane * 64, row, barrier);
    }
  }
};
#endif

template <int kD, int kGroups>
__global__ __launch_bounds__(128 * (kGroups + 1), 1) void attend_packed_sm90_kernel(
    const __grid_constant__ PackedArgs args) {
#if defined(MONOCLE_SM90A)
  PackedTask<kD, kGroups> task{args};
  attend<Room<kD, kGroups>, kD>(task);
#endif
}

template <class R, int kD, int kGroups>
__global__ __launch_bounds__(128 * (kGroups + 1), 1) void attend_prefill_sm90_kernel(
    const __grid_constant__ PagedArgs args) {
#if defined(MONOCLE_SM90A)
  PagedTask<kD, kGroups> task{args};
  attend<R, kD>(task);
#endif
}

template <class R, class Args>
void launch_attend(const Launch& at, void (*kernel)(Args), std::int64_t tiles, std::int32_t heads,
                   const Args& args) {
  allow_shared(kernel, R::kSharedBytes);
  launch(at, kernel,
         {dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(heads)), dim3(R::kThreads),
          R::kSharedBytes},
         args);
}

template <int kD, int kGroups>
void choose_cache(const Launch& at, std::int64_t tiles, const PagedArgs& args) {
  using Wide = Room<kD, kGroups>;
  using Int8 = Room<kD, kGroups, Int8Staging<kD>::kBytes>;
  if (args.attend.kv.dtype == DType::kI8) {
    launch_attend<Int8>(at, attend_prefill_sm90_kernel<Int8, kD, kGroups>, tiles, args.attend.heads,
                        args);
  } else {
    launch_attend<Wide>(at, attend_prefill_sm90_kernel<Wide, kD, kGroups>, tiles, args.attend.heads,
                        args);
  }
}

template <int kGroups>
void launch_prefill(const Launch& at, const AttendPagedArgs& a) {
  const KvView& kv = a.kv;
  MatrixMap cache{.rows = std::int64_t{kv.blocks} * kv.kv_heads * kv.block_tokens,
                  .cols = kv.head_dim,
                  .row_bytes = 2 * kv.head_dim,
                  .box_rows = kv.block_tokens};
  PagedArgs args{};
  args.q = make_tensor_map({.data = a.q.data,
                            .rows = a.q.rows,
                            .cols = a.q.cols,
                            .row_bytes = 2 * a.q.row_stride,
                            .box_rows = 64 * kGroups});
  if (kv.dtype == DType::kBF16) {
    cache.data = kv.k;
    args.k = make_tensor_map(cache);
    cache.data = kv.v;
    args.v = make_tensor_map(cache);
  }
  args.attend = a;
  const std::int64_t tiles =
      a.q.rows / (64 * kGroups) + static_cast<std::int64_t>(a.context.size());
  if (kv.head_dim == 64) {
    choose_cache<64, kGroups>(at, tiles, args);
  } else {
    choose_cache<128, kGroups>(at, tiles, args);
  }
}

}  // namespace

bool attend_prefill_sm90_fits(const AttendPagedArgs& args) {
  const KvView& kv = args.kv;
  const auto aligned = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; };
  return args.q.dtype == DType::kBF16 && (kv.dtype == DType::kBF16 || kv.dtype == DType::kI8) &&
         args.window == 0 && args.q.row_stride % 8 == 0 && aligned(args.q.data) && aligned(kv.k) &&
         aligned(kv.v) && kv.block_tokens >= 8 && kv.block_tokens <= kKeys &&
         (kv.block_tokens & (kv.block_tokens - 1)) == 0 &&
         (kv.head_dim == 64 || kv.head_dim == 128);
}

void attend_prefill_sm90(const Launch& at, const AttendPagedArgs& args) {
  // Few queries: smaller tiles, so that there are enough of them for all multiprocessors.
  if (args.q.rows * args.heads <= std::int64_t{128} * at.multiprocessors) {
    launch_prefill<1>(at, args);
  } else {
    launch_prefill<2>(at, args);
  }
}

bool attend_packed_sm90_fits(const AttendPackedArgs& args) {
  return args.head_dim == 64 && args.qkv.row_stride % 4 == 0 &&
         reinterpret_cast<std::uintptr_t>(args.qkv.data) % 16 == 0;
}

void attend_packed_sm90(const Launch& at, const AttendPackedArgs& args) {
  if (args.qkv.rows == 0) {
    return;
  }
  turn_packed(at, args);
  constexpr int kGroups = 3;
  MatrixMap turned{.data = args.qkv.data,
                   .rows = args.qkv.rows,
                   .cols = 2 * args.qkv.cols,
                   .row_bytes = 4 * args.qkv.row_stride,
                   .box_rows = 64 * kGroups};
  PackedArgs packed{};
  packed.q = make_tensor_map(turned);
  turned.box_rows = kKeys;
  packed.kv = make_tensor_map(turned);
  packed.attend = args;
  const std::int64_t tiles =
      args.qkv.rows / (64 * kGroups) + static_cast<std::int64_t>(args.segments.size()) - 1;
  launch_attend<Room<64, kGroups>>(at, attend_packed_sm90_kernel<64, kGroups>, tiles, args.heads,
                                   packed);
}

}  // namespace monocle::cuda
