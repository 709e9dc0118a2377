// SPDX-License-Identifier: Apache-2.0
// rope_append: per head q, k = RMS(.; weight), then channels c and c + D/2 turn by angle(position,
// c); k and v go to their slots of the paged cache.
//
// Up to kFewTokens: one warp per token and head of q, k or v; lane l holds channels l, l + 32, ...
// of each half. More tokens: one block of 8 warps per token, which computes the token's sines once
// for all heads; lane l holds 4 (or 2) neighbouring channels, a half of the head per 16 lanes.
// Bytes per token: 4 (heads + 2 kv_heads) D read, size(q) heads D + 2 size(kv) kv_heads D written.
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/kv_int8.cuh"

namespace monocle::cuda {
namespace {

constexpr int kWarps = 4;
constexpr int kHalfPerLane = 4;  // head_dim up to 256
constexpr std::int64_t kFewTokens = 64;
constexpr int kTokenThreads = 256;

// A row of the cache by one warp; channels behind `half` are zero.
__device__ inline void store_int8(const float (&low)[kHalfPerLane],
                                  const float (&high)[kHalfPerLane], int half, std::int8_t* out,
                                  float* scale) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float largest = 0.0F;
#pragma unroll
  for (int i = 0; i < kHalfPerLane; ++i) {
    largest = fmaxf(largest, fmaxf(fabsf(low[i]), fabsf(high[i])));
  }
  const Int8Scale of = int8_scale(warp_max(largest));
#pragma unroll
  for (int i = 0; i < kHalfPerLane; ++i) {
    const int c = lane + 32 * i;
    if (c < half) {
      out[c] = static_cast<std::int8_t>(to_int8(low[i], of));
      out[c + half] = static_cast<std::int8_t>(to_int8(high[i], of));
    }
  }
  if (lane == 0) {
    *scale = of.scale;
  }
}

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
  float* scale = nullptr;  // of a row of int8
  if (kind != 0) {
    const std::int64_t slot = a.slots.data()[token];
    if (slot < 0) {
      return;
    }
    const int kv_head = (head - heads) % a.kv.kv_heads;
    const std::int64_t row = cache_row(a.kv, slot, kv_head);
    out = kind == 1 ? a.kv.k : a.kv.v;
    dtype = a.kv.dtype;
    at = row * d;
    scale = dtype == DType::kI8 ? scale_of_row(a.kv, kind == 1, row) : nullptr;
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
  if (scale != nullptr) {
    store_int8(low, high, half, static_cast<std::int8_t*>(out) + at, scale);
    return;
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

// Where the D channels of a head go; data null: nowhere.
struct Destination {
  void* data;
  DType dtype;
  std::int64_t at;
  float* scale;  // of a row of int8
};
__device__ inline Destination destination(const RopeAppendArgs& a, int heads, int head,
                                          std::int64_t token, std::int64_t slot) {
  const int d = a.kv.head_dim;
  if (head < heads) {
    return {a.q.data, a.q.dtype, token * a.q.row_stride + std::int64_t{head} * d, nullptr};
  }
  const int kv_head = (head - heads) % a.kv.kv_heads;
  const std::int64_t row = cache_row(a.kv, slot, kv_head);
  const bool is_key = head < heads + a.kv.kv_heads;
  return {slot < 0 ? nullptr
          : is_key ? a.kv.k
                   : a.kv.v,
          a.kv.dtype, row * d,
          slot < 0 || a.kv.dtype != DType::kI8 ? nullptr : scale_of_row(a.kv, is_key, row)};
}

// kPer neighbouring channels of each lane of a warp: a row of the cache.
template <int kPer>
__device__ inline void store_int8(const float (&x)[kPer], std::int8_t* out, float* scale) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float largest = 0.0F;
#pragma unroll
  for (int i = 0; i < kPer; ++i) {
    largest = fmaxf(largest, fabsf(x[i]));
  }
  const Int8Scale of = int8_scale(warp_max(largest));
#pragma unroll
  for (int i = 0; i < kPer; i += 2) {
    const int low = to_int8(x[i], of) & 0xff;
    *reinterpret_cast<std::uint16_t*>(out + lane * kPer + i) =
        static_cast<std::uint16_t>(low | to_int8(x[i + 1], of) << 8);
  }
  if (lane == 0) {
    *scale = of.scale;
  }
}

// kPer = D / 32 neighbouring channels of a lane; lane l + 16 holds those that turn with lane l's.
template <int kPer>
__global__ __launch_bounds__(kTokenThreads) void rope_tokens_kernel(
    const __grid_constant__ RopeAppendArgs a, int heads) {
  constexpr int kHalf = 16 * kPer;
  __shared__ float sines[kHalf];
  __shared__ float cosines[kHalf];
  pdl_launch_next();
  pdl_wait();
  const std::int64_t token = blockIdx.x;
  if (threadIdx.x < kHalf) {
    const int c = static_cast<int>(threadIdx.x);
    const auto position = static_cast<float>(a.positions[a.rope.axis[c] * a.qkv.rows + token]);
    float sine = 0.0F;
    float cosine = 0.0F;
    sincosf(position * a.rope.inv_freq[c], &sine, &cosine);
    sines[c] = sine * a.rope.scale;
    cosines[c] = cosine * a.rope.scale;
  }
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int c0 = lane % 16 * kPer;  // within the half
  const bool upper = lane >= 16;
  const std::int64_t slot = a.slots.data()[token];
  const int all_heads = heads + 2 * a.kv.kv_heads;
  for (int head = static_cast<int>(threadIdx.x / 32); head < all_heads;
       head += kTokenThreads / 32) {
    const Destination to = destination(a, heads, head, token, slot);
    const float* from = static_cast<const float*>(a.qkv.data) + token * a.qkv.row_stride +
                        std::int64_t{head} * 2 * kHalf + lane * kPer;
    float x[kPer];
    float squares = 0.0F;
#pragma unroll
    for (int i = 0; i < kPer; i += 2) {
      const float2 pair = __ldcg(reinterpret_cast<const float2*>(from + i));
      x[i] = pair.x;
      x[i + 1] = pair.y;
      squares += pair.x * pair.x + pair.y * pair.y;
    }
    if (head < heads + a.kv.kv_heads) {  // q and k
      const float factor = 1.0F / sqrtf(warp_sum(squares) / static_cast<float>(2 * kHalf) + a.eps);
      const float* weight = (head < heads ? a.q_norm : a.k_norm) + lane * kPer;
#pragma unroll
      for (int i = 0; i < kPer; ++i) {
        const float mine = weight[i] * x[i] * factor;
        const float other = __shfl_xor_sync(0xffffffffU, mine, 16);
        const float sine = sines[c0 + i];
        x[i] = mine * cosines[c0 + i] + (upper ? other * sine : -(other * sine));
      }
    }
    if (to.data == nullptr) {
      continue;
    }
    if (to.scale != nullptr) {
      store_int8(x, static_cast<std::int8_t*>(to.data) + to.at, to.scale);
      continue;
    }
#pragma unroll
    for (int i = 0; i < kPer; i += 2) {
      const std::int64_t at = to.at + lane * kPer + i;
      if (to.dtype == DType::kBF16) {
        *reinterpret_cast<std::uint32_t*>(static_cast<std::uint16_t*>(to.data) + at) =
            to_bf16_pair(x[i], x[i + 1]);
      } else {
        *reinterpret_cast<float2*>(static_cast<float*>(to.data) + at) = {x[i], x[i + 1]};
      }
    }
  }
}

}  // namespace

void rope_append(const Launch& at, const RopeAppendArgs& args) {
  MONOCLE_CHECK(args.kv.head_dim <= 64 * kHalfPerLane);
  const int d = args.kv.head_dim;
  const int heads = static_cast<int>(args.q.cols / d);
  // The two add up a head's squares in another order.
  const bool tokens = args.qkv.rows > kFewTokens || at.batch_invariant;
  if (tokens && (d == 64 || d == 128) && args.qkv.row_stride % 2 == 0 &&
      args.q.row_stride % 2 == 0) {
    launch(at, d == 64 ? rope_tokens_kernel<2> : rope_tokens_kernel<4>,
           {dim3(static_cast<unsigned>(args.qkv.rows)), dim3(kTokenThreads)}, args, heads);
    return;
  }
  const std::int64_t items = args.qkv.rows * (heads + 2 * args.kv.kv_heads);
  if (items > 0) {
    launch(at, rope_append_kernel,
           {dim3(static_cast<unsigned>((items + kWarps - 1) / kWarps)), dim3(32 * kWarps)}, args,
           heads);
  }
}

}  // namespace monocle::cuda
