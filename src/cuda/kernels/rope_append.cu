// SPDX-License-Identifier: Apache-2.0
// rope_append: per head q, k = RMS(.; weight), then channels c and c + D/2 turn by angle(position,
// c); k and v go to their slots of the paged cache.
//
// One warp per token and head of q, k or v; lane l holds channels l, l + 32, ... of each half.
// Bytes per token: 4 (heads + 2 kv_heads) D read, size(q) heads D + 2 size(kv) kv_heads D written.
#include "cuda/kernels/common.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kHalfPerLane = 4;  // head_dim up to 256

__global__ void rope_append_kernel(const __grid_constant__ RopeAppendArgs a, int heads) {
  pdl_launch_next();
  pdl_wait();
  const int d = a.kv.head_dim;
  const int half = d / 2;
  const int all_heads = heads + 2 * a.kv.kv_heads;
  const std::int64_t item = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / 32;
  const std::int64_t tokens = a.qkv.rows;
  const int lane = static_cast<int>(threadIdx.x % 32);
  if (item >= tokens * all_heads) {
    return;
  }
  const std::int64_t token = item / all_heads;
  const int head = static_cast<int>(item % all_heads);
  const int kind = head < heads ? 0 : head < heads + a.kv.kv_heads ? 1 : 2;  // q, k, v
  const float* x =
      static_cast<const float*>(a.qkv.data) + token * a.qkv.row_stride + std::int64_t{head} * d;
  float low[kHalfPerLane];
  float high[kHalfPerLane];
  float squares = 0.0F;
#pragma unroll
  for (int i = 0; i < kHalfPerLane; ++i) {
    const int c = lane + 32 * i;
    low[i] = c < half ? __ldcg(x + c) : 0.0F;
    high[i] = c < half ? __ldcg(x + c + half) : 0.0F;
    squares += low[i] * low[i] + high[i] * high[i];
  }
  void* out = a.q.data;
  DType dtype = a.q.dtype;
  std::int64_t at = token * a.q.row_stride + std::int64_t{head} * d;
  if (kind != 0) {
    const std::int64_t slot = a.slots.data()[token];
    if (slot < 0) {
      return;
    }
    const int kv_head = (head - heads) % a.kv.kv_heads;
    const std::int64_t row =
        (slot / a.kv.block_tokens * a.kv.kv_heads + kv_head) * a.kv.block_tokens +
        slot % a.kv.block_tokens;
    out = kind == 1 ? a.kv.k : a.kv.v;
    dtype = a.kv.dtype;
    at = row * d;
  }
  if (kind != 2) {
    const float factor = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(d) + a.eps);
    const float* weight = kind == 0 ? a.q_norm : a.k_norm;
#pragma unroll
    for (int i = 0; i < kHalfPerLane; ++i) {
      const int c = lane + 32 * i;
      if (c < half) {
        const auto position = static_cast<float>(a.positions[a.rope.axis[c] * tokens + token]);
        float sine = 0.0F;
        float cosine = 0.0F;
        sincosf(position * a.rope.inv_freq[c], &sine, &cosine);
        sine *= a.rope.scale;
        cosine *= a.rope.scale;
        const float first = weight[c] * low[i] * factor;
        const float second = weight[c + half] * high[i] * factor;
        low[i] = first * cosine - second * sine;
        high[i] = second * cosine + first * sine;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < kHalfPerLane; ++i) {
    const int c = lane + 32 * i;
    if (c < half) {
      store(out, dtype, at + c, low[i]);
      store(out, dtype, at + c + half, high[i]);
    }
  }
}

}  // namespace

void rope_append(const Launch& at, const RopeAppendArgs& args) {
  MONOCLE_CHECK(args.kv.head_dim <= 64 * kHalfPerLane);
  const int heads = static_cast<int>(args.q.cols / args.kv.head_dim);
  const std::int64_t items = args.qkv.rows * (heads + 2 * args.kv.kv_heads);
  if (items > 0) {
    launch(at, rope_append_kernel,
           {dim3(static_cast<unsigned>((items + kWarps - 1) / kWarps)), dim3(32 * kWarps)}, args,
           heads);
  }
}

}  // namespace monocle::cuda
