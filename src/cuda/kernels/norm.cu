// SPDX-License-Identifier: Apache-2.0
// norm: y = w (x - mean) / sqrt(var + eps) + b, mean and b zero for RMS.
//
// One block of 256 threads per row; the row is read three times, from the first-level cache after
// the first. Bytes per row of n columns: 4 n read, n * size(y) written, 4 n or 8 n of weights
// shared by all rows.
#include "cuda/kernels/common.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;

__global__ void norm_kernel(const __grid_constant__ NormArgs a) {
  __shared__ float room[2][32];
  pdl_launch_next();
  pdl_wait();
  const float* x = static_cast<const float*>(a.x.data) + blockIdx.x * a.x.row_stride;
  const int n = static_cast<int>(a.x.cols);
  const float inverse = 1.0F / static_cast<float>(n);
  float mean = 0.0F;
  if (a.kind == NormKind::kLayer) {
    for (int c = static_cast<int>(threadIdx.x); c < n; c += kThreads) {
      mean += x[c];
    }
    mean = block_sum(mean, room[0]) * inverse;
  }
  float squares = 0.0F;
  for (int c = static_cast<int>(threadIdx.x); c < n; c += kThreads) {
    const float d = x[c] - mean;
    squares += d * d;
  }
  const float factor = 1.0F / sqrtf(block_sum(squares, room[1]) * inverse + a.eps);
  for (int c = static_cast<int>(threadIdx.x); c < n; c += kThreads) {
    const float bias = a.kind == NormKind::kLayer ? a.bias[c] : 0.0F;
    store(a.y.data, a.y.dtype, blockIdx.x * a.y.row_stride + c,
          a.weight[c] * (x[c] - mean) * factor + bias);
  }
}

}  // namespace

void norm(const Launch& at, const NormArgs& args) {
  if (args.x.rows > 0) {
    launch(at, norm_kernel, {dim3(static_cast<unsigned>(args.x.rows)), dim3(kThreads)}, args);
  }
}

}  // namespace monocle::cuda
