// SPDX-License-Identifier: Apache-2.0
// 4-bit groups written out as int8 rows, for the linear() kernels that read those.
//
// A block takes 8 rows and 128 columns: a thread a word, 8 columns of a row. Reads 4.25 bits and
// writes 8 a weight.
#include "cuda/kernels/int4.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 128;

struct ExpandArgs {
  const std::uint8_t* tiles;
  std::int8_t* out;
  std::int64_t rows;
  std::int64_t cols;
};

__global__ __launch_bounds__(kThreads) void expand_kernel(const __grid_constant__ ExpandArgs a) {
  // Whoever reads the rows is launched without overlap: weights are read ahead of the wait.
  pdl_wait();
  const int row = static_cast<int>(threadIdx.x) % kInt4TileRows;
  const int line = static_cast<int>(threadIdx.x) / kInt4TileRows;
  const std::int64_t r = std::int64_t{blockIdx.y} * kInt4TileRows + row;
  const std::int64_t c = std::int64_t{blockIdx.x} * 128 + 8 * line;
  if (r >= a.rows || c >= a.cols) {
    return;
  }
  const auto* block = reinterpret_cast<const std::uint32_t*>(
      a.tiles + blockIdx.y * int4_tile_pitch(a.cols) + std::int64_t{blockIdx.x} * kInt4BlockBytes);
  const std::uint32_t grids = __ldg(block + row);
  const std::uint32_t word = __ldg(block + kInt4TileRows * (1 + line) + row);
  const Int4Grid grid(int4_steps(grids), int4_zeros(grids), static_cast<std::uint32_t>(line / 4));
  const std::uint32_t q[2] = {grid.low(word) ^ 0x80808080U, grid.high(word) ^ 0x80808080U};
  std::int8_t* out = a.out + r * a.cols + c;
  if (a.cols % 8 == 0) {
    *reinterpret_cast<uint2*>(out) = {q[0], q[1]};
    return;
  }
  for (int i = 0; i < 8 && c + i < a.cols; ++i) {
    out[i] = static_cast<std::int8_t>(q[i / 4] >> (8 * (i % 4)) & 0xffU);
  }
}

}  // namespace

void expand_int4(const Launch& at, const WeightView& w, std::int8_t* out) {
  if (w.rows == 0 || w.cols == 0) {
    return;
  }
  launch(at, expand_kernel,
         {dim3(static_cast<unsigned>((w.cols + 127) / 128),
               static_cast<unsigned>((w.rows + kInt4TileRows - 1) / kInt4TileRows)),
          dim3(kThreads)},
         ExpandArgs{static_cast<const std::uint8_t*>(w.data), out, w.rows, w.cols});
}

}  // namespace monocle::cuda
