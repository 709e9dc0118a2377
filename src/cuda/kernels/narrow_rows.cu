// SPDX-License-Identifier: Apache-2.0
// Rows of x in the form that the tensor cores multiply, where x comes in another.
//
//   quantise_rows  int8 with one scale per row: scale = max|x| / 127, q = round(x 127 / max|x|)
//                  fp8 likewise with 448, q rounded to the nearest e4m3
//   split_rows     float32 as two bf16: row = [high | low], x = high + low to 16 bits; each half is
//                  filled up with zeros to whole stages of 64 columns
//
// One block of 256 threads per row, read twice (the second time from the first-level cache). Bytes
// per row of k columns: k size(x) read, k or 4 k written.
#include <cuda_fp8.h>

#include <cfloat>

#include "cuda/kernels/common.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;

__device__ inline void load8(const void* x, DType dtype, std::int64_t at, float (&out)[8]) {
  if (dtype == DType::kBF16) {
    monocle::cuda::load8(static_cast<const std::uint16_t*>(x) + at, out);
  } else {
    monocle::cuda::load8(static_cast<const float*>(x) + at, out);
  }
}

// Four of `v` times `inverse` as bytes. The clamp: kMost / max|x| of a subnormal row overflows.
template <bool kFp8>
__device__ inline std::uint32_t narrow4(const float* v, float inverse) {
  std::uint32_t word = 0;
  if constexpr (kFp8) {
#pragma unroll
    for (int i = 0; i < 4; i += 2) {
      const float2 pair{v[i] * inverse, v[i + 1] * inverse};
      word |= static_cast<std::uint32_t>(__nv_cvt_float2_to_fp8x2(pair, __NV_SATFINITE, __NV_E4M3))
              << (8 * i);
    }
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int q = __float2int_rn(fminf(fmaxf(v[i] * inverse, -127.0F), 127.0F));
      word |= (static_cast<std::uint32_t>(q) & 0xffU) << (8 * i);
    }
  }
  return word;
}

template <bool kFp8>
__global__ __launch_bounds__(kThreads) void quantise_kernel(
    const __grid_constant__ ConstTensorView x, std::uint8_t* narrow, float* scale) {
  constexpr float kMost = kFp8 ? 448.0F : 127.0F;
  __shared__ float room[kThreads / 32];
  pdl_launch_next();
  pdl_wait();
  const std::int64_t base = blockIdx.x * x.row_stride;
  const int k = static_cast<int>(x.cols);
  const int first = 8 * static_cast<int>(threadIdx.x);
  float v[8];
  float top = 0.0F;
  for (int c = first; c < k; c += 8 * kThreads) {
    load8(x.data, x.dtype, base + c, v);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      top = fmaxf(top, fabsf(v[i]));
    }
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, step));
  }
  if (threadIdx.x % 32 == 0) {
    room[threadIdx.x / 32] = top;
  }
  __syncthreads();
#pragma unroll
  for (int i = 0; i < kThreads / 32; ++i) {
    top = fmaxf(top, room[i]);
  }
  const float inverse = top > 0.0F ? fminf(kMost / top, FLT_MAX) : 0.0F;
  for (int c = first; c < k; c += 8 * kThreads) {
    load8(x.data, x.dtype, base + c, v);
    *reinterpret_cast<uint2*>(narrow + std::int64_t{blockIdx.x} * k + c) = {
        narrow4<kFp8>(v, inverse), narrow4<kFp8>(v + 4, inverse)};
  }
  if (threadIdx.x == 0) {
    scale[blockIdx.x] = top / kMost;
  }
}

__global__ __launch_bounds__(kThreads) void split_kernel(const __grid_constant__ ConstTensorView x,
                                                         std::uint16_t* narrow, int half) {
  pdl_launch_next();
  pdl_wait();
  const float* from = static_cast<const float*>(x.data) + blockIdx.x * x.row_stride;
  std::uint16_t* to = narrow + std::int64_t{blockIdx.x} * 2 * half;
  for (int c = static_cast<int>(threadIdx.x); c < half; c += kThreads) {
    const float value = c < static_cast<int>(x.cols) ? __ldcg(from + c) : 0.0F;
    const std::uint16_t high = to_bf16(value);
    to[c] = high;
    to[c + half] = to_bf16(value - bf16_value(high));
  }
}

}  // namespace

std::int64_t narrow_row_bytes(const LinearArgs& args) {
  const std::int64_t k = args.x.cols;
  return is_byte_channel(args.w.format()) ? k : 4 * ((k + 63) / 64 * 64);
}

void quantise_rows(const Launch& at, const ConstTensorView& x, QuantFormat format, void* narrow,
                   float* scale) {
  auto* kernel =
      format == QuantFormat::kFp8Channel ? quantise_kernel<true> : quantise_kernel<false>;
  launch(at, kernel, {dim3(static_cast<unsigned>(x.rows)), dim3(kThreads)}, x,
         static_cast<std::uint8_t*>(narrow), scale);
}

void split_rows(const Launch& at, const ConstTensorView& x, void* narrow, std::int64_t row_bytes) {
  launch(at, split_kernel, {dim3(static_cast<unsigned>(x.rows)), dim3(kThreads)}, x,
         static_cast<std::uint16_t*>(narrow), static_cast<int>(row_bytes / 4));
}

}  // namespace monocle::cuda
