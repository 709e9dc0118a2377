// SPDX-License-Identifier: Apache-2.0
// norm: y = w (x - mean) / sqrt(var + eps) + b, mean and b zero for RMS.
//
// One block of 256 threads per row. Rows of up to 8192 columns that start at multiples of 16 bytes
// are read once, 16 bytes per load, and stay in registers; others are read three times, from the
// first-level cache after the first. Bytes per row of n columns: 4 n read, n * size(y) written, 4 n
// or 8 n of weights shared by all rows.
#include "cuda/kernels/common.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kRound = 4 * kThreads;  // columns that the block reads together

__global__ void norm_any_kernel(const __grid_constant__ NormArgs a) {
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

// kRounds: of 1024 columns.
template <int kRounds>
__global__ __launch_bounds__(kThreads) void norm_kernel(const __grid_constant__ NormArgs a) {
  __shared__ float room[2][32];
  pdl_launch_next();
  const int n = static_cast<int>(a.x.cols);
  const int first = 4 * static_cast<int>(threadIdx.x);
  const bool layer = a.kind == NormKind::kLayer;
  float4 weight[kRounds];  // does not depend on the launch ahead
#pragma unroll
  for (int i = 0; i < kRounds; ++i) {
    const int c = first + i * kRound;
    weight[i] = c < n ? *reinterpret_cast<const float4*>(a.weight + c) : float4{};
  }
  pdl_wait();
  const float* row = static_cast<const float*>(a.x.data) + blockIdx.x * a.x.row_stride;
  float4 x[kRounds];
  float mean = 0.0F;
#pragma unroll
  for (int i = 0; i < kRounds; ++i) {
    const int c = first + i * kRound;
    x[i] = c < n ? __ldcg(reinterpret_cast<const float4*>(row + c)) : float4{};
    mean += (x[i].x + x[i].y) + (x[i].z + x[i].w);
  }
  const float inverse = 1.0F / static_cast<float>(n);
  mean = layer ? block_sum(mean, room[0]) * inverse : 0.0F;
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kRounds; ++i) {
    if (first + i * kRound < n) {
      x[i] = {x[i].x - mean, x[i].y - mean, x[i].z - mean, x[i].w - mean};
      squares += (x[i].x * x[i].x + x[i].y * x[i].y) + (x[i].z * x[i].z + x[i].w * x[i].w);
    }
  }
  const float factor = 1.0F / sqrtf(block_sum(squares, room[1]) * inverse + a.eps);
  const std::int64_t at = blockIdx.x * a.y.row_stride;
#pragma unroll
  for (int i = 0; i < kRounds; ++i) {
    const int c = first + i * kRound;
    if (c >= n) {
      continue;
    }
    const float4 bias = layer ? *reinterpret_cast<const float4*>(a.bias + c) : float4{};
    const float4 y = {
        weight[i].x * x[i].x * factor + bias.x, weight[i].y * x[i].y * factor + bias.y,
        weight[i].z * x[i].z * factor + bias.z, weight[i].w * x[i].w * factor + bias.w};
    if (a.y.dtype == DType::kF32) {
      *reinterpret_cast<float4*>(static_cast<float*>(a.y.data) + at + c) = y;
    } else {
      *reinterpret_cast<uint2*>(static_cast<std::uint16_t*>(a.y.data) + at + c) = {
          to_bf16_pair(y.x, y.y), to_bf16_pair(y.z, y.w)};
    }
  }
}

// Whether four columns at a time can be read and written at once.
bool fours(const NormArgs& args) {
  const auto aligned = [](const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; };
  return args.x.cols % 4 == 0 && args.x.row_stride % 4 == 0 && args.y.row_stride % 4 == 0 &&
         aligned(args.x.data) && aligned(args.y.data) && aligned(args.weight) && aligned(args.bias);
}

}  // namespace

void norm(const Launch& at, const NormArgs& args) {
  if (args.x.rows == 0) {
    return;
  }
  const Shape shape{dim3(static_cast<unsigned>(args.x.rows)), dim3(kThreads)};
  if (!fours(args) || args.x.cols > 8 * kRound) {
    launch(at, norm_any_kernel, shape, args);
  } else if (args.x.cols <= kRound) {
    launch(at, norm_kernel<1>, shape, args);
  } else if (args.x.cols <= 2 * kRound) {
    launch(at, norm_kernel<2>, shape, args);
  } else if (args.x.cols <= 4 * kRound) {
    launch(at, norm_kernel<4>, shape, args);
  } else {
    launch(at, norm_kernel<8>, shape, args);
  }
}

}  // namespace monocle::cuda
