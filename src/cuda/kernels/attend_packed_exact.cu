// SPDX-License-Identifier: Apache-2.0
// attend_packed in float32, for models that compute in it: bidirectional attention inside each
// segment, q and k turned by 2-D rope first.
//
// Two launches. Rotation: one warp per patch and head of q or k, in place. Attention: one warp per
// patch and head; lane l holds channels l, l + 32, ..., the keys of the segment pass one after the
// other with a running maximum. Each query reads its segment's keys and values again: 8 D n bytes
// from the second-level cache. Slow, and exact.
#include "cuda/kernels/common.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kPerLane = 4;  // head_dim up to 128

struct Item {
  std::int64_t patch;
  int head;
  bool valid;
};
__device__ inline Item warp_item(std::int64_t patches, int heads) {
  const std::int64_t item = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  return {item / heads, static_cast<int>(item % heads), item < patches * heads};
}

__global__ void rotate_kernel(const __grid_constant__ AttendPackedArgs a) {
  pdl_launch_next();
  pdl_wait();
  const Item item = warp_item(a.qkv.rows, 2 * a.heads);  // q heads, then k heads
  if (!item.valid) {
    return;
  }
  const int half = a.head_dim / 2;
  const int quarter = a.head_dim / 4;
  float* x =
      static_cast<float*>(a.qkv.data) + item.patch * a.qkv.row_stride + item.head * a.head_dim;
  for (int c = static_cast<int>(threadIdx.x % 32); c < half; c += 32) {
    const std::int32_t position = c < quarter ? a.row.data()[item.patch] : a.col.data()[item.patch];
    float sine = 0.0F;
    float cosine = 0.0F;
    sincosf(static_cast<float>(position) * a.inv_freq[c % quarter], &sine, &cosine);
    const float low = __ldcg(x + c);
    const float high = __ldcg(x + c + half);
    x[c] = low * cosine - high * sine;
    x[c + half] = high * cosine + low * sine;
  }
}

__global__ __launch_bounds__(kThreads) void attend_packed_exact_kernel(
    const __grid_constant__ AttendPackedArgs a) {
  pdl_launch_next();
  pdl_wait();
  const Item item = warp_item(a.qkv.rows, a.heads);
  if (!item.valid) {
    return;
  }
  int segment = 0;
  while (a.segments.data()[segment + 1] <= item.patch) {
    ++segment;
  }
  const int begin = a.segments.data()[segment];
  const int end = a.segments.data()[segment + 1];
  const int lane = static_cast<int>(threadIdx.x % 32);
  const std::int64_t width = std::int64_t{a.heads} * a.head_dim;
  const float* base = static_cast<const float*>(a.qkv.data) + item.head * a.head_dim;
  float q[kPerLane];
  float sum[kPerLane] = {};
  for (int i = 0; i < kPerLane; ++i) {
    const int c = lane + 32 * i;
    q[i] = c < a.head_dim ? a.scale * __ldcg(base + item.patch * a.qkv.row_stride + c) : 0.0F;
  }
  float best = -1e30F;
  float mass = 0.0F;
  for (int key = begin; key < end; ++key) {
    const float* k = base + key * a.qkv.row_stride + width;
    float score = 0.0F;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int c = lane + 32 * i;
      score += c < a.head_dim ? q[i] * __ldcg(k + c) : 0.0F;
    }
    score = warp_sum(score);
    const float next = fmaxf(best, score);
    const float decay = expf(best - next);
    const float p = expf(score - next);
    best = next;
    mass = mass * decay + p;
#pragma unroll
    for (int i = 0; i < kPerLane; ++i) {
      const int c = lane + 32 * i;
      sum[i] = sum[i] * decay + (c < a.head_dim ? p * __ldcg(k + width + c) : 0.0F);
    }
  }
  for (int i = 0; i < kPerLane; ++i) {
    const int c = lane + 32 * i;
    if (c < a.head_dim) {
      store(a.y.data, a.y.dtype, item.patch * a.y.row_stride + item.head * a.head_dim + c,
            sum[i] / mass);
    }
  }
}

unsigned blocks(std::int64_t items) { return static_cast<unsigned>((items + kWarps - 1) / kWarps); }

}  // namespace

void attend_packed_exact(const Launch& at, const AttendPackedArgs& args) {
  if (args.qkv.rows == 0) {
    return;
  }
  MONOCLE_CHECK(args.head_dim <= 32 * kPerLane);
  launch(at, rotate_kernel, {dim3(blocks(args.qkv.rows * 2 * args.heads)), dim3(kThreads)}, args);
  launch(at, attend_packed_exact_kernel, {dim3(blocks(args.qkv.rows * args.heads)), dim3(kThreads)},
         args);
}

}  // namespace monocle::cuda
