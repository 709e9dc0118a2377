// SPDX-License-Identifier: Apache-2.0
// linear() for many rows of x: y = epilogue(x Wᵀ + bias) + residual on the tensor cores; x and W
// bf16, sums float32.
//
// A block of 8 warps computes a tile of kM rows of x times kN rows of W, 64 columns of the sum at a
// time; both operands pass through shared memory in a ring of asynchronous 16-byte copies, each
// row's eight 16-byte pieces permuted by the row's number, so that neither the copies nor ldmatrix
// meet bank conflicts. Moves k (kM + kN) 2 bytes per tile for 2 k kM kN operations. Where the tiles
// are too few to fill the GPU, the sum is split over gridDim.z blocks; the last to finish adds
// their partial sums in a fixed order.
//
// For SwiGLU gate and up rows alternate, so that the pair of columns a thread holds is one result.
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/linear_rows.cuh"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kDepth = 64;  // columns per stage
constexpr int kRowBytes = 2 * kDepth;

// Tiles are visited in bands of kBand tiles of x, all of W for each: what the running blocks read
// fits the cache.
constexpr unsigned kBand = 16;

struct TileArgs {
  LinearArgs linear;
  unsigned tiles_m;
  unsigned tiles_n;
  std::int64_t rows;  // of W, all parts
  float* scratch;
  std::uint32_t* counters;
};

template <int kM_, int kN_, int kWarpsM_, int kStages_, int kBlocks_>
struct Tile {
  static constexpr int kBlocks = kBlocks_;  // per multiprocessor
  static constexpr int kM = kM_;
  static constexpr int kN = kN_;
  static constexpr int kWarpsM = kWarpsM_;
  static constexpr int kWarpsN = 8 / kWarpsM;
  static constexpr int kStages = kStages_;
  static constexpr int kFragmentsM = kM / kWarpsM / 16;
  static constexpr int kFragmentsN = kN / kWarpsN / 8;
  static constexpr int kStageBytes = (kM + kN) * kRowBytes;
  static constexpr int kSharedBytes = kStages * kStageBytes;
  static constexpr int kSums = kFragmentsM * kFragmentsN * 4;  // of one thread
  static_assert(kFragmentsN % 2 == 0 && kM % 32 == 0 && kN % 32 == 0);
};

__device__ inline std::uint32_t piece(int row, int column8) {
  return static_cast<std::uint32_t>(row * kRowBytes + ((column8 ^ (row & 7)) << 4));
}

struct TileAt {
  int m;
  int n;
};
__device__ inline TileAt tile_at(const TileArgs& a) {
  const unsigned per_band = kBand * a.tiles_n;
  const unsigned band = blockIdx.x / per_band;
  const unsigned height = a.tiles_m - band * kBand < kBand ? a.tiles_m - band * kBand : kBand;
  const unsigned inside = blockIdx.x - band * per_band;
  return {static_cast<int>(band * kBand + inside % height), static_cast<int>(inside / height)};
}

// A thread copies piece threadIdx.x % 8 of every 32nd row.
template <class T>
struct Source {
  const std::uint16_t* x[T::kM / 32];
  const std::uint16_t* w[T::kN / 32];

  __device__ Source(const TileArgs& a, const TileAt& tile) {
    const LinearArgs& l = a.linear;
    const int first = static_cast<int>(threadIdx.x / 8);
    const int column = static_cast<int>(threadIdx.x % 8) * 8;
#pragma unroll
    for (int i = 0; i < T::kM / 32; ++i) {
      const std::int64_t row = std::int64_t{tile.m} * T::kM + first + 32 * i;
      x[i] = row < l.x.rows
                 ? static_cast<const std::uint16_t*>(l.x.data) + row * l.x.row_stride + column
                 : nullptr;
    }
#pragma unroll
    for (int i = 0; i < T::kN / 32; ++i) {
      const std::int64_t row = std::int64_t{tile.n} * T::kN + first + 32 * i;
      const WeightRow at =
          l.epilogue == Epilogue::kSwiGlu ? find_pair_row(l.w, row) : find_row(l.w, row);
      w[i] = at.part < 0 ? nullptr
                         : static_cast<const std::uint16_t*>(l.w.part.data()[at.part].data) +
                               at.row * l.x.cols + column;
    }
  }
  __device__ void copy_x(const TileArgs& a, std::uint32_t stage, int step) const {
    copy<T::kM / 32>(x, a, stage, step);
  }
  __device__ void copy_w(const TileArgs& a, std::uint32_t stage, int step) const {
    copy<T::kN / 32>(w, a, stage + T::kM * kRowBytes, step);
  }

 private:
  template <int kCount>
  __device__ void copy(const std::uint16_t* const* rows, const TileArgs& a, std::uint32_t to,
                       int step) const {
    const int first = static_cast<int>(threadIdx.x / 8);
    const int column8 = static_cast<int>(threadIdx.x % 8);
    const bool inside = step * kDepth + column8 * 8 < static_cast<int>(a.linear.x.cols);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const bool valid = inside && rows[i] != nullptr;
      copy16(to + piece(first + 32 * i, column8), valid ? rows[i] + step * kDepth : a.linear.x.data,
             valid);
    }
  }
};

template <class T>
__device__ inline void multiply_stage(std::uint32_t stage,
                                      float (&sum)[T::kFragmentsM][T::kFragmentsN][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const int row_x = warp / T::kWarpsN * (16 * T::kFragmentsM) + lane % 16;
  const int row_w = warp % T::kWarpsN * (8 * T::kFragmentsN) + lane / 16 * 8 + lane % 8;
#pragma unroll
  for (int k = 0; k < kDepth / 16; ++k) {
    std::uint32_t x[T::kFragmentsM][4];
#pragma unroll
    for (int i = 0; i < T::kFragmentsM; ++i) {
      load_matrices(x[i], stage + piece(row_x + 16 * i, 2 * k + lane / 16));
    }
#pragma unroll
    for (int j = 0; j < T::kFragmentsN; j += 2) {
      std::uint32_t w[4];
      load_matrices(w, stage + T::kM * kRowBytes + piece(row_w + 8 * j, 2 * k + lane / 8 % 2));
      const std::uint32_t w0[2] = {w[0], w[1]};
      const std::uint32_t w1[2] = {w[2], w[3]};
#pragma unroll
      for (int i = 0; i < T::kFragmentsM; ++i) {
        mma_bf16(sum[i][j], x[i], w0);
        mma_bf16(sum[i][j + 1], x[i], w1);
      }
    }
  }
}

template <class T>
__device__ inline void store_tile(const TileArgs& a, const TileAt& tile,
                                  const float (&sum)[T::kFragmentsM][T::kFragmentsN][4]) {
  const LinearArgs& l = a.linear;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int warp = static_cast<int>(threadIdx.x / 32);
  const std::int64_t row0 =
      std::int64_t{tile.m} * T::kM + warp / T::kWarpsN * (16 * T::kFragmentsM) + lane / 4;
  const std::int64_t col0 =
      std::int64_t{tile.n} * T::kN + warp % T::kWarpsN * (8 * T::kFragmentsN) + lane % 4 * 2;
#pragma unroll
  for (int i = 0; i < T::kFragmentsM; ++i) {
#pragma unroll
    for (int j = 0; j < T::kFragmentsN; ++j) {
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        const std::int64_t row = row0 + 16 * i + 8 * h;
        const std::int64_t col = col0 + 8 * j;
        if (row >= l.x.rows || col >= a.rows) {
          continue;
        }
        const float first = sum[i][j][2 * h];
        const float second = sum[i][j][2 * h + 1];
        if (l.epilogue == Epilogue::kSwiGlu) {
          finish(l, row, col / 2, silu(first) * second);
          continue;
        }
        finish_sum(l, row, col, first);
        if (col + 1 < a.rows) {
          finish_sum(l, row, col + 1, second);
        }
      }
    }
  }
}

// Writes this block's partial sums; true in the block that comes last, whose sums are then the
// whole.
template <class T>
__device__ inline bool join_splits(const TileArgs& a,
                                   float (&sum)[T::kFragmentsM][T::kFragmentsN][4]) {
  __shared__ bool last;
  const std::size_t tile = blockIdx.x;
  float* base = a.scratch + tile * gridDim.z * T::kSums * kThreads + threadIdx.x;
  float* flat = &sum[0][0][0];
#pragma unroll
  for (int i = 0; i < T::kSums; ++i) {
    __stcg(base + (blockIdx.z * T::kSums + i) * kThreads, flat[i]);
  }
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    last = atomicAdd(a.counters + tile, 1U) == gridDim.z - 1;
  }
  __syncthreads();
  if (!last) {
    return false;
  }
  __threadfence();
#pragma unroll
  for (int i = 0; i < T::kSums; ++i) {
    flat[i] = 0.0F;
  }
  for (unsigned z = 0; z < gridDim.z; ++z) {  // all loads of a part are in flight together
#pragma unroll
    for (int i = 0; i < T::kSums; ++i) {
      flat[i] += __ldcg(base + (z * T::kSums + i) * kThreads);
    }
  }
  if (threadIdx.x == 0) {
    a.counters[tile] = 0;
  }
  return true;
}

template <class T>
__global__ __launch_bounds__(kThreads, T::kBlocks) void linear_tiles_kernel(
    const __grid_constant__ TileArgs a) {
  extern __shared__ uint4 shared[];
  const std::uint32_t ring = shared_address(shared);
  const TileAt tile = tile_at(a);
  const Source<T> source(a, tile);
  const int steps = static_cast<int>((a.linear.x.cols + kDepth - 1) / kDepth);
  const int begin = static_cast<int>(blockIdx.z) * steps / static_cast<int>(gridDim.z);
  const int end = (static_cast<int>(blockIdx.z) + 1) * steps / static_cast<int>(gridDim.z);
#pragma unroll
  for (int s = 0; s < T::kStages - 1; ++s) {
    if (begin + s < end) {
      source.copy_w(a, ring + s * T::kStageBytes, begin + s);
    }
  }
  pdl_launch_next();
  pdl_wait();
#pragma unroll
  for (int s = 0; s < T::kStages - 1; ++s) {
    if (begin + s < end) {
      source.copy_x(a, ring + s * T::kStageBytes, begin + s);
    }
    copy_commit();
  }
  float sum[T::kFragmentsM][T::kFragmentsN][4] = {};
  int read = 0;
  int write = T::kStages - 1;
  for (int step = begin; step < end; ++step) {
    copy_wait<T::kStages - 2>();
    __syncthreads();
    const int ahead = step + T::kStages - 1;
    if (ahead < end) {
      source.copy_x(a, ring + write * T::kStageBytes, ahead);
      source.copy_w(a, ring + write * T::kStageBytes, ahead);
    }
    copy_commit();
    multiply_stage<T>(ring + read * T::kStageBytes, sum);
    read = read + 1 == T::kStages ? 0 : read + 1;
    write = write + 1 == T::kStages ? 0 : write + 1;
  }
  if (gridDim.z == 1 || join_splits<T>(a, sum)) {
    store_tile<T>(a, tile, sum);
  }
}

template <class T>
void launch_tiles(const Launch& at, TileArgs args) {
  const std::int64_t m = (args.linear.x.rows + T::kM - 1) / T::kM;
  const std::int64_t n = (args.rows + T::kN - 1) / T::kN;
  const std::int64_t steps = (args.linear.x.cols + kDepth - 1) / kDepth;
  args.tiles_m = static_cast<unsigned>(m);
  args.tiles_n = static_cast<unsigned>(n);
  // Fill the multiprocessors, but leave at least four stages of work to each block.
  std::int64_t splits = T::kBlocks * at.multiprocessors / (m * n);
  splits = splits < steps / 4 ? splits : steps / 4;
  const std::int64_t room =
      static_cast<std::int64_t>(at.scratch_floats) / (m * n * T::kSums * kThreads);
  splits = splits < room ? splits : room;
  splits = m * n > static_cast<std::int64_t>(kCounters) || splits < 1 ? 1 : splits;
  auto* kernel = linear_tiles_kernel<T>;
  allow_shared(kernel, T::kSharedBytes);
  launch(at, kernel,
         {dim3(static_cast<unsigned>(m * n), 1, static_cast<unsigned>(splits)), dim3(kThreads),
          T::kSharedBytes},
         args);
}

}  // namespace

void linear_tiles(const Launch& at, const LinearArgs& args) {
  if (args.x.rows == 0) {
    return;
  }
  const TileArgs a{args, 0, 0, args.w.rows(), at.scratch, at.counters};
  if (args.x.rows <= 32) {
    launch_tiles<Tile<32, 64, 2, 6, 3>>(at, a);
  } else if (args.x.rows <= 64) {
    launch_tiles<Tile<64, 128, 2, 4, 2>>(at, a);
  } else {
    launch_tiles<Tile<128, 128, 2, 3, 2>>(at, a);
  }
}

}  // namespace monocle::cuda
