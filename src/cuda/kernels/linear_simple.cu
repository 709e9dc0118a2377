// SPDX-License-Identifier: Apache-2.0
// linear() for every combination of formats and shapes, in float32: y = epilogue(x Wᵀ + bias) +
// residual.
//
// A block of 256 threads computes 64 rows of x times 64 rows of W; each thread 4 x 4 of them. x and
// W pass through shared memory as floats, 16 columns at a time. Reads x once for each 64 rows of W
// and W once for each 64 rows of x. For SwiGLU gate and up rows alternate, so that a thread holds
// both halves of a result.
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/linear_rows.cuh"

namespace monocle::cuda {
namespace {

constexpr int kTile = 64;
constexpr int kDepth = 16;
constexpr int kThreads = 256;

__device__ void load_tiles(const LinearArgs& a, bool pairs, std::int64_t k0,
                           float (&xs)[kDepth][kTile + 1], float (&ws)[kDepth][kTile + 1]) {
  const std::int64_t k = a.x.cols;
  const std::int64_t m0 = std::int64_t{blockIdx.y} * kTile;
  const std::int64_t n0 = std::int64_t{blockIdx.x} * kTile;
  for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth; i += kThreads) {
    const int c = i % kDepth;
    const int r = i / kDepth;
    const bool inside = k0 + c < k;
    xs[c][r] = inside && m0 + r < a.x.rows
                   ? load(a.x.data, a.x.dtype, (m0 + r) * a.x.row_stride + k0 + c)
                   : 0.0F;
    const WeightRow at = pairs ? find_pair_row(a.w, n0 + r) : find_row(a.w, n0 + r);
    float value = 0.0F;
    if (inside && at.part >= 0) {
      const WeightView& w = a.w.part.data()[at.part];
      value = load_weight(w.data, w.format, at.row * k + k0 + c) * weight_scale(w, at.row);
    }
    ws[c][r] = value;
  }
}

__global__ __launch_bounds__(kThreads) void linear_simple_kernel(
    const __grid_constant__ LinearArgs a, std::int64_t rows) {
  __shared__ float xs[kDepth][kTile + 1];
  __shared__ float ws[kDepth][kTile + 1];
  pdl_launch_next();
  pdl_wait();
  const bool pairs = a.epilogue == Epilogue::kSwiGlu;
  const int tn = static_cast<int>(threadIdx.x % 16) * 4;
  const int tm = static_cast<int>(threadIdx.x / 16) * 4;
  float sum[4][4] = {};
  for (std::int64_t k0 = 0; k0 < a.x.cols; k0 += kDepth) {
    load_tiles(a, pairs, k0, xs, ws);
    __syncthreads();
#pragma unroll
    for (int c = 0; c < kDepth; ++c) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          sum[i][j] += xs[c][tm + i] * ws[c][tn + j];
        }
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i) {
    const std::int64_t row = std::int64_t{blockIdx.y} * kTile + tm + i;
    for (int j = 0; j < 4 && row < a.x.rows; ++j) {
      const std::int64_t col = std::int64_t{blockIdx.x} * kTile + tn + j;
      if (col >= rows) {
        continue;
      }
      if (!pairs) {
        finish_sum(a, row, col, sum[i][j]);
      } else if (j % 2 == 0) {
        finish(a, row, col / 2, silu(sum[i][j]) * sum[i][j + 1 < 4 ? j + 1 : j]);
      }
    }
  }
}

}  // namespace

void linear_simple(const Launch& at, const LinearArgs& args) {
  if (args.x.rows == 0) {
    return;
  }
  const std::int64_t rows = args.w.rows();
  const dim3 grid(static_cast<unsigned>((rows + kTile - 1) / kTile),
                  static_cast<unsigned>((args.x.rows + kTile - 1) / kTile));
  launch(at, linear_simple_kernel, {grid, dim3(kThreads)}, args, rows);
}

}  // namespace monocle::cuda
