// SPDX-License-Identifier: Apache-2.0
// The arithmetic roofs. No memory is read: operands are made up in registers or shared memory and
// differ from each other, since products of equal numbers draw less power and run faster. One block
// of 8 warps per multiprocessor (four for float32) repeats kRounds times
//   f32   8 independent fused multiply-adds per thread, 16 times
//   bf16  mma m16n8k16, 8 independent sums per warp; compute capability 9.0: wgmma m64n256k16
//   int8  the same with k32
#include "cuda/kernels/roof.h"

#include "cuda/kernels/wgmma.cuh"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;
constexpr int kSums = 8;

__device__ inline std::uint32_t scramble(std::uint32_t x) {
  x *= 2654435761U;
  x ^= x >> 15U;
  return x * 2246822519U;
}
// Two bf16 between 1 and 2 with random signs.
__device__ inline std::uint32_t made_up(std::uint32_t seed, bool int8) {
  const std::uint32_t bits = scramble(seed);
  return int8 ? bits : (bits & 0x807f807fU) | 0x3f803f80U;
}

__global__ __launch_bounds__(kThreads) void f32_kernel(int rounds, float* sink) {
  float sum[kSums];
#pragma unroll
  for (int i = 0; i < kSums; ++i) {
    sum[i] = static_cast<float>(threadIdx.x + static_cast<unsigned>(i));
  }
  const float factor = 0.5F + 1e-3F * static_cast<float>(threadIdx.x);
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < 16 * kSums; ++i) {
      sum[i % kSums] = fmaf(sum[i % kSums], factor, 1.0F);
    }
  }
  float total = 0.0F;
#pragma unroll
  for (int i = 0; i < kSums; ++i) {
    total += sum[i];
  }
  if (total == 12345.678F) {  // keeps the sums alive
    *sink = total;
  }
}

__device__ inline void mma_int8(int (&d)[4], const std::uint32_t (&a)[4],
                                const std::uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

template <bool kInt8>
__global__ __launch_bounds__(kThreads) void mma_kernel(int rounds, float* sink) {
  std::conditional_t<kInt8, int, float> sum[kSums][4] = {};
  std::uint32_t a[4];
  std::uint32_t b[kSums][2];
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    a[i] = made_up(threadIdx.x * 64 + static_cast<unsigned>(i), kInt8);
  }
#pragma unroll
  for (int i = 0; i < kSums; ++i) {
    b[i][0] = made_up(threadIdx.x * 64 + 8 + static_cast<unsigned>(2 * i), kInt8);
    b[i][1] = made_up(threadIdx.x * 64 + 9 + static_cast<unsigned>(2 * i), kInt8);
  }
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < kSums; ++i) {
      if constexpr (kInt8) {
        mma_int8(sum[i], a, b[i]);
      } else {
        mma_bf16(sum[i], a, b[i]);
      }
    }
  }
  float total = 0.0F;
#pragma unroll
  for (int i = 0; i < kSums; ++i) {
    total += static_cast<float>(sum[i][0] + sum[i][1] + sum[i][2] + sum[i][3]);
  }
  if (total == 12345.678F) {
    *sink = total;
  }
}

template <bool kInt8>
__global__ __launch_bounds__(kThreads, 1) void wgmma_kernel(int rounds, float* sink) {
#if defined(MONOCLE_SM90A)
  constexpr int kPlane = 256 * 128;  // rows of W, bytes
  __shared__ alignas(1024) std::uint32_t operands[kPlane / 4];
  for (unsigned i = threadIdx.x; i < kPlane / 4; i += kThreads) {
    operands[i] = made_up(i, kInt8);
  }
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
  __syncthreads();
  const std::uint32_t w = shared_address(operands);
  const std::uint32_t x = w + threadIdx.x / 128 * (64 * 128);
  std::conditional_t<kInt8, int, float> sum[128] = {};
  for (int round = 0; round < rounds; ++round) {
    sm90::products_begin();
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if constexpr (kInt8) {
        sm90::product_int8(sum, sm90::matrix(x + 32 * k), sm90::matrix(w + 32 * k), 1);
      } else {
        sm90::product_bf16(sum, sm90::matrix(x + 32 * k), sm90::matrix(w + 32 * k), 1);
      }
    }
    sm90::products_commit();
    sm90::products_wait<1>();
  }
  sm90::products_wait<0>();
  float total = 0.0F;
#pragma unroll
  for (int i = 0; i < 128; ++i) {
    total += static_cast<float>(sum[i]);
  }
  if (total == 12345.678F) {  // or the assembler removes the products, volatile or not
    *sink = total;
  }
#endif
}

double per_warp(Arithmetic kind) {
  switch (kind) {
    case Arithmetic::kF32:
      return 32.0 * 16 * kSums * 2;
    case Arithmetic::kBF16:
      return 2.0 * 16 * 8 * 16 * kSums;
    case Arithmetic::kInt8:
      return 2.0 * 16 * 8 * 32 * kSums;
  }
  return 0;
}

}  // namespace

double enqueue_arithmetic(const Launch& at, Arithmetic kind, bool sm90) {
  const auto blocks = static_cast<unsigned>(at.multiprocessors);
  if (sm90 && kind != Arithmetic::kF32) {
    constexpr int kRounds = 8000;
    const double group = 2.0 * 64 * 256 * (kind == Arithmetic::kInt8 ? 32 : 16) * 4;
    launch(at, kind == Arithmetic::kInt8 ? wgmma_kernel<true> : wgmma_kernel<false>,
           {dim3(blocks), dim3(kThreads)}, kRounds, at.scratch);
    return group * kThreads / 128 * kRounds * blocks;
  }
  const unsigned all = kind == Arithmetic::kF32 ? 4 * blocks : 2 * blocks;
  const int rounds = kind == Arithmetic::kF32 ? 8000 : 40000;
  if (kind == Arithmetic::kF32) {
    launch(at, f32_kernel, {dim3(all), dim3(kThreads)}, rounds, at.scratch);
  } else if (kind == Arithmetic::kBF16) {
    launch(at, mma_kernel<false>, {dim3(all), dim3(kThreads)}, rounds, at.scratch);
  } else {
    launch(at, mma_kernel<true>, {dim3(all), dim3(kThreads)}, rounds, at.scratch);
  }
  return per_warp(kind) * kWarps * rounds * all;
}

}  // namespace monocle::cuda
