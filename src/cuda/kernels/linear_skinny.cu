// SPDX-License-Identifier: Apache-2.0
// linear() for few rows of x (decode): y = epilogue(x Wᵀ + bias) + residual, x and W bf16, sums in
// float32.
//
// The time is that of reading W once: 2 n k bytes; x and y are thousands of times smaller. A block
// of 8 warps takes 16 rows of W, the warps share out the columns in steps of 128, and the blocks
// run over all groups of 16 rows. W goes from memory straight into registers, 16 bytes per load, 16
// loads of each thread in flight: 64 KB per block, two blocks per multiprocessor. The first loads
// are issued before the launch ahead has ended: W does not depend on it.
//
// The products run on the tensor cores with W as the 16-row operand and up to 8 (or 16) rows of x
// as the other, because one such instruction replaces 32 FMAs per lane. Which column of the sum a
// register stands for is free as long as both operands agree: a thread's 16 bytes, columns 8 t .. 8
// t + 7 of a row, are columns {2 t, 2 t + 1, 2 t + 8, 2 t + 9} of two instructions. x lies in
// shared memory; the 8 partial sums meet there too.
//
// A RMS norm ahead can be computed here: every block needs the whole x anyway, and a launch costs
// more than the norm.
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/linear_rows.cuh"

namespace monocle::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kRows = 16;        // of W per block
constexpr int kStep = 128;       // columns per warp and step
constexpr int kTokenPitch = 20;  // floats between tokens of the partial sums: no bank conflicts

// What the first loads need comes first: parameters are fetched line by line, and every line is
// waited for.
struct SkinnyArgs {
  const std::uint16_t* part[3];
  int part_end[3];  // rows up to the end of each part
  int k;
  int tiles;       // groups of 16 rows
  int iterations;  // steps of a warp per tile
  int pitch;       // elements between rows of x in shared memory
  bool has_norm;
  LinearArgs linear;
  NormArgs norm;
};

struct Chunk {
  uint4 low[4];   // row g of the tile, columns 32 j + 8 t
  uint4 high[4];  // row g + 8
};

__device__ inline uint4 stream_load(const std::uint16_t* from) {
  uint4 out;
  asm volatile("ld.global.nc.L1::no_allocate.L2::256B.v4.u32 {%0,%1,%2,%3}, [%4];"
               : "=r"(out.x), "=r"(out.y), "=r"(out.z), "=r"(out.w)
               : "l"(from));
  return out;
}

// Position of a warp in the list of (tile, step).
template <bool kSwiGlu>
struct Cursor {
  const std::uint16_t* low = nullptr;
  const std::uint16_t* high = nullptr;
  int tile = 0;
  int iteration = 0;

  __device__ void enter(const SkinnyArgs& a, int first_tile) {
    tile = first_tile;
    iteration = 0;
    const int g = static_cast<int>(threadIdx.x % 32) / 4;
    low = row(a, g);
    high = row(a, g + 8);
  }
  __device__ const std::uint16_t* row(const SkinnyArgs& a, int r) const {
    if (tile >= a.tiles) {
      return nullptr;
    }
    // SwiGLU: 8 rows of gate above the same 8 rows of up.
    if (kSwiGlu) {
      const int j = tile * 8 + r % 8;
      return j < a.part_end[0] ? a.part[r / 8] + std::int64_t{j} * a.k : nullptr;
    }
    const int j = tile * kRows + r;
    if (j < a.part_end[0]) {
      return a.part[0] + std::int64_t{j} * a.k;
    }
    if (j < a.part_end[1]) {
      return a.part[1] + std::int64_t{j - a.part_end[0]} * a.k;
    }
    return j < a.part_end[2] ? a.part[2] + std::int64_t{j - a.part_end[1]} * a.k : nullptr;
  }
  __device__ void advance(const SkinnyArgs& a) {
    if (++iteration == a.iterations) {
      enter(a, tile + static_cast<int>(gridDim.x));
    }
  }
  __device__ void load(const SkinnyArgs& a, Chunk& chunk) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int first =
        (iteration * kWarps + static_cast<int>(threadIdx.x / 32)) * kStep + 8 * (lane % 4);
    const int k = a.k;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int c = first + 32 * j;
      chunk.low[j] = low != nullptr && c < k ? stream_load(low + c) : uint4{0, 0, 0, 0};
      chunk.high[j] = high != nullptr && c < k ? stream_load(high + c) : uint4{0, 0, 0, 0};
    }
  }
};

template <int kTokenTiles>
__device__ inline void multiply(const SkinnyArgs& a, const std::uint16_t* xs, int iteration,
                                const Chunk& chunk, float (&sum)[kTokenTiles][4]) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int first =
      (iteration * kWarps + static_cast<int>(threadIdx.x / 32)) * kStep + 8 * (lane % 4);
  const int m = static_cast<int>(a.linear.x.rows);
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const std::uint32_t w0[4] = {chunk.low[j].x, chunk.high[j].x, chunk.low[j].y, chunk.high[j].y};
    const std::uint32_t w1[4] = {chunk.low[j].z, chunk.high[j].z, chunk.low[j].w, chunk.high[j].w};
#pragma unroll
    for (int i = 0; i < kTokenTiles; ++i) {
      const int token = 8 * i + lane / 4;
      uint4 x{0, 0, 0, 0};
      if (token < m) {
        x = *reinterpret_cast<const uint4*>(xs + token * a.pitch + first + 32 * j);
      }
      const std::uint32_t x0[2] = {x.x, x.y};
      const std::uint32_t x1[2] = {x.z, x.w};
      mma_bf16(sum[i], w0, x0);
      mma_bf16(sum[i], w1, x1);
    }
  }
}

// x in shared memory, zeros behind its last column.
__device__ inline void load_x(const SkinnyArgs& a, std::uint16_t* xs) {
  const ConstTensorView& x = a.linear.x;
  const auto* from = static_cast<const std::uint16_t*>(x.data);
  const int columns = a.iterations * kWarps * kStep;
  for (int c = 8 * static_cast<int>(threadIdx.x); c < columns; c += 8 * kThreads) {
#pragma unroll 8
    for (int token = 0; token < static_cast<int>(x.rows); ++token) {
      uint4 value{0, 0, 0, 0};
      if (c < a.k) {
        value = __ldcg(reinterpret_cast<const uint4*>(from + token * x.row_stride + c));
      }
      *reinterpret_cast<uint4*>(xs + token * a.pitch + c) = value;
    }
  }
}

// w x of the RMS norm w x / sqrt(mean(x²) + eps) as bf16, and the sums of squares of x by token and
// warp. The division comes after the products: it is one factor per token, and nobody has to wait
// for it.
__device__ inline void load_unnormed(const SkinnyArgs& a, std::uint16_t* xs, float* squares) {
  const NormArgs& norm = a.norm;
  const int k = static_cast<int>(norm.x.cols);
  for (int token = 0; token < static_cast<int>(norm.x.rows); ++token) {
    const float* x = static_cast<const float*>(norm.x.data) + token * norm.x.row_stride;
    float sum = 0.0F;
#pragma unroll 2
    for (int c = static_cast<int>(threadIdx.x) * 4; c < a.pitch; c += kThreads * 4) {
      float4 v{0.0F, 0.0F, 0.0F, 0.0F};
      float4 w = v;
      if (c < k) {
        v = __ldcg(reinterpret_cast<const float4*>(x + c));
        w = __ldg(reinterpret_cast<const float4*>(norm.weight + c));
      }
      sum += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
      *reinterpret_cast<uint2*>(xs + token * a.pitch + c) = {to_bf16_pair(w.x * v.x, w.y * v.y),
                                                             to_bf16_pair(w.z * v.z, w.w * v.w)};
    }
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0) {
      squares[token * kWarps + threadIdx.x / 32] = sum;
    }
  }
}

__device__ inline float norm_factor(const SkinnyArgs& a, const float* squares, int token) {
  if (!a.has_norm) {
    return 1.0F;
  }
  float sum = 0.0F;
#pragma unroll
  for (int i = 0; i < kWarps; ++i) {
    sum += squares[token * kWarps + i];
  }
  return 1.0F / sqrtf(sum / static_cast<float>(a.norm.x.cols) + a.norm.eps);
}

// The norm's own result, for whoever else reads it.
__device__ inline void store_norm(const SkinnyArgs& a, const float* squares) {
  const NormArgs& norm = a.norm;
  for (int token = 0; token < static_cast<int>(norm.x.rows); ++token) {
    const float factor = norm_factor(a, squares, token);
    for (int c = static_cast<int>(threadIdx.x); c < static_cast<int>(norm.x.cols); c += kThreads) {
      const float x =
          __ldcg(static_cast<const float*>(norm.x.data) + token * norm.x.row_stride + c);
      store(norm.y.data, norm.y.dtype, token * norm.y.row_stride + c, norm.weight[c] * x * factor);
    }
  }
}

// Adds the warps' sums of a tile and stores the results.
template <int kTokenTiles, bool kSwiGlu>
__device__ inline void finish_tile(const SkinnyArgs& a, int tile, float* room, const float* squares,
                                   const float (&sum)[kTokenTiles][4]) {
  constexpr int kWarpFloats = 8 * kTokenTiles * kTokenPitch;
  constexpr int kOut = kSwiGlu ? 8 : kRows;  // results per token
  const LinearArgs& l = a.linear;
  const int m = static_cast<int>(l.x.rows);
  // The residual is asked for before the barrier. A thread has one result, or two for 16 rows of x.
  constexpr int kMine = (8 * kTokenTiles * kOut + kThreads - 1) / kThreads;
  float residual[kMine];
#pragma unroll
  for (int i = 0; i < kMine; ++i) {
    const int item = static_cast<int>(threadIdx.x) + i * kThreads;
    const std::int64_t col = std::int64_t{tile} * kOut + item % kOut;
    residual[i] = l.residual.data != nullptr && item < m * kOut && col < l.y.cols
                      ? __ldcg(static_cast<const float*>(l.residual.data) +
                               item / kOut * l.residual.row_stride + col)
                      : 0.0F;
  }
  const int lane = static_cast<int>(threadIdx.x % 32);
  float* mine = room + static_cast<int>(threadIdx.x / 32) * kWarpFloats;
#pragma unroll
  for (int i = 0; i < kTokenTiles; ++i) {
    float* at = mine + (8 * i + 2 * (lane % 4)) * kTokenPitch + lane / 4;
    at[0] = sum[i][0];
    at[kTokenPitch] = sum[i][1];
    at[8] = sum[i][2];
    at[kTokenPitch + 8] = sum[i][3];
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kMine; ++i) {
    const int item = static_cast<int>(threadIdx.x) + i * kThreads;
    const int token = item / kOut;
    const std::int64_t col = std::int64_t{tile} * kOut + item % kOut;
    if (item >= m * kOut || col >= l.y.cols) {
      continue;
    }
    float first = 0.0F;
    float second = 0.0F;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float* at = room + w * kWarpFloats + token * kTokenPitch + item % kOut;
      first += at[0];
      second += kSwiGlu ? at[8] : 0.0F;
    }
    const float factor = norm_factor(a, squares, token);
    first *= factor;
    float value = 0.0F;
    if (kSwiGlu) {
      value = silu(first) * (second * factor);
    } else {
      value = activate(l.epilogue, l.bias != nullptr ? first + l.bias[col] : first);
    }
    store(l.y.data, l.y.dtype, token * l.y.row_stride + col, value + residual[i]);
  }
}

template <int kTokenTiles, bool kSwiGlu>
__global__ __launch_bounds__(kThreads,
                             2) void linear_skinny_kernel(const __grid_constant__ SkinnyArgs a) {
  extern __shared__ uint4 shared[];
  constexpr int kRoomFloats = kWarps * 8 * kTokenTiles * kTokenPitch;
  auto* room = reinterpret_cast<float*>(shared);  // two of them, used in turn
  float* squares = room + 2 * kRoomFloats;        // [tokens][kWarps]
  auto* xs = reinterpret_cast<std::uint16_t*>(squares + 8 * kTokenTiles * kWarps);

  Cursor<kSwiGlu> cursor;  // of the next load
  Chunk chunk[2];
  cursor.enter(a, static_cast<int>(blockIdx.x));
  cursor.load(a, chunk[0]);
  cursor.advance(a);
  cursor.load(a, chunk[1]);
  cursor.advance(a);
  pdl_launch_next();
  pdl_wait();
  if (a.has_norm) {
    load_unnormed(a, xs, squares);
  } else {
    load_x(a, xs);
  }
  __syncthreads();

  float sum[kTokenTiles][4] = {};
  int tile = static_cast<int>(blockIdx.x);
  int iteration = 0;
  int turn = 0;
  while (tile < a.tiles) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (tile < a.tiles) {
        multiply<kTokenTiles>(a, xs, iteration, chunk[half], sum);
        cursor.load(a, chunk[half]);
        cursor.advance(a);
        if (++iteration == a.iterations) {
          finish_tile<kTokenTiles, kSwiGlu>(a, tile, room + turn * kRoomFloats, squares, sum);
#pragma unroll
          for (int i = 0; i < kTokenTiles; ++i) {
            sum[i][0] = sum[i][1] = sum[i][2] = sum[i][3] = 0.0F;
          }
          turn ^= 1;
          iteration = 0;
          tile += static_cast<int>(gridDim.x);
        }
      }
    }
  }
  if (a.has_norm && blockIdx.x == 0) {
    store_norm(a, squares);
  }
}

template <int kTokenTiles, bool kSwiGlu>
void launch_skinny(const Launch& at, const SkinnyArgs& args) {
  const std::size_t shared =
      sizeof(float) * (2 * kWarps * 8 * kTokenTiles * kTokenPitch + 8 * kTokenTiles * kWarps) +
      sizeof(std::uint16_t) * static_cast<std::size_t>(args.pitch * args.linear.x.rows);
  auto* kernel = linear_skinny_kernel<kTokenTiles, kSwiGlu>;
  allow_shared(kernel, shared);
  const int blocks = args.tiles < 2 * at.multiprocessors ? args.tiles : 2 * at.multiprocessors;
  launch(at, kernel, {dim3(static_cast<unsigned>(blocks)), dim3(kThreads), shared}, args);
}

}  // namespace

void linear_skinny(const Launch& at, const LinearArgs& args, const NormArgs* norm) {
  const bool pairs = args.epilogue == Epilogue::kSwiGlu;
  const std::int64_t group = pairs ? 8 : kRows;
  SkinnyArgs a{};
  a.linear = args;
  a.has_norm = norm != nullptr;
  if (norm != nullptr) {
    a.norm = *norm;
  }
  a.k = static_cast<int>(args.x.cols);
  int end = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const bool used = static_cast<int>(i) < args.w.parts;
    end += used ? static_cast<int>(args.w.part[i].rows) : 0;
    a.part[i] = used ? static_cast<const std::uint16_t*>(args.w.part[i].data) : nullptr;
    a.part_end[i] = end;
  }
  const std::int64_t steps = (args.x.cols + kStep - 1) / kStep;
  a.iterations = static_cast<int>((steps + kWarps - 1) / kWarps);
  // Half a cache line more than whole steps: the 8 lanes of a quarter warp then meet 32 different
  // banks.
  a.pitch = a.iterations * kWarps * kStep + 32;
  a.tiles = static_cast<int>((args.y.cols + group - 1) / group);
  if (args.x.rows <= 8) {
    pairs ? launch_skinny<1, true>(at, a) : launch_skinny<1, false>(at, a);
  } else {
    MONOCLE_CHECK(args.x.rows <= 16);
    pairs ? launch_skinny<2, true>(at, a) : launch_skinny<2, false>(at, a);
  }
}

}  // namespace monocle::cuda
