// SPDX-License-Identifier: Apache-2.0
// The arguments of a linear_stream, and how its rows of x come into shared memory: as they are, or
// multiplied by the weights of the RMS norm that makes them.
#pragma once

#include "cuda/kernels/common.cuh"
#include "cuda/stream_plan.h"

namespace monocle::cuda {

inline constexpr int kSegmentsAtOnce = 4;  // of x that a warp loads together
inline constexpr int kNormedAtOnce = 2;    // with a norm

struct StreamArgs {
  const std::uint8_t* part[3];
  int part_end[3];  // rows up to the end of each part
  int k;
  StreamPlan plan;
  int segments;     // of a block's columns
  int per_segment;  // item / segments = item * per_segment >> 16
  bool has_norm;
  bool pairs;  // columns of x in the order of linear_stream_int4.cuh
  LinearArgs linear;
  NormArgs norm;
};

// 256 columns of a row of x: what a warp loads at a time, 8 columns per lane.
struct Segment {
  int token;
  int inside;  // column within the block's
  int column;
  bool exists;

  __device__ Segment(const StreamArgs& a, int item, int slice0) {
    token = item * a.per_segment >> 16;
    inside = (item - token * a.segments) * kStreamSegment + 8 * static_cast<int>(threadIdx.x % 32);
    column = slice0 + inside;
    exists = token < static_cast<int>(a.linear.x.rows) && inside < a.plan.slice && column < a.k;
  }
  __device__ void put(const StreamArgs& a, std::uint16_t* xs, const uint4& value) const {
    if (inside >= a.plan.slice) {
      return;
    }
    auto* to = reinterpret_cast<uint4*>(xs + token * a.plan.pitch + inside);
    if (!a.pairs) {
      *to = value;
    } else {
      *to = {__byte_perm(value.x, value.y, 0x5410), __byte_perm(value.x, value.y, 0x7632),
             __byte_perm(value.z, value.w, 0x5410), __byte_perm(value.z, value.w, 0x7632)};
    }
  }
};

// The block's columns of `rows` rows of x in shared memory, zeros behind the last.
__device__ inline void load_x(const StreamArgs& a, int slice0, int rows, std::uint16_t* xs) {
  const int items = rows * a.segments;
  for (int first = static_cast<int>(threadIdx.x / 32); first < items;
       first += kStreamWarps * kSegmentsAtOnce) {
    uint4 value[kSegmentsAtOnce];
#pragma unroll
    for (int i = 0; i < kSegmentsAtOnce; ++i) {
      const Segment at(a, first + i * kStreamWarps, slice0);
      value[i] = {0, 0, 0, 0};
      if (at.exists) {
        value[i] = __ldcg(
            reinterpret_cast<const uint4*>(static_cast<const std::uint16_t*>(a.linear.x.data) +
                                           at.token * a.linear.x.row_stride + at.column));
      }
    }
#pragma unroll
    for (int i = 0; i < kSegmentsAtOnce; ++i) {
      if (first + i * kStreamWarps < items) {
        Segment(a, first + i * kStreamWarps, slice0).put(a, xs, value[i]);
      }
    }
  }
}

// The same of w x of the norm as bf16, and the sums of squares of x by row and segment.
__device__ inline void load_unnormed(const StreamArgs& a, int slice0, int rows, std::uint16_t* xs,
                                     float* squares) {
  const int items = rows * a.segments;
  for (int first = static_cast<int>(threadIdx.x / 32); first < items;
       first += kStreamWarps * kNormedAtOnce) {
    float4 x[kNormedAtOnce][2] = {};
    float4 w[kNormedAtOnce][2] = {};
#pragma unroll
    for (int i = 0; i < kNormedAtOnce; ++i) {
      const Segment at(a, first + i * kStreamWarps, slice0);
      if (at.exists) {
        const auto* from = reinterpret_cast<const float4*>(
            static_cast<const float*>(a.norm.x.data) + at.token * a.norm.x.row_stride + at.column);
        const auto* weight = reinterpret_cast<const float4*>(a.norm.weight + at.column);
        x[i][0] = __ldcg(from);
        x[i][1] = __ldcg(from + 1);
        w[i][0] = __ldcg(weight);
        w[i][1] = __ldcg(weight + 1);
      }
    }
#pragma unroll
    for (int i = 0; i < kNormedAtOnce; ++i) {
      const int item = first + i * kStreamWarps;
      if (item >= items) {
        break;
      }
      const float4 x0 = x[i][0];
      const float4 x1 = x[i][1];
      const float4 w0 = w[i][0];
      const float4 w1 = w[i][1];
      Segment(a, item, slice0)
          .put(a, xs,
               {to_bf16_pair(w0.x * x0.x, w0.y * x0.y), to_bf16_pair(w0.z * x0.z, w0.w * x0.w),
                to_bf16_pair(w1.x * x1.x, w1.y * x1.y), to_bf16_pair(w1.z * x1.z, w1.w * x1.w)});
      const float sum = warp_sum(x0.x * x0.x + x0.y * x0.y + x0.z * x0.z + x0.w * x0.w +
                                 x1.x * x1.x + x1.y * x1.y + x1.z * x1.z + x1.w * x1.w);
      if (threadIdx.x % 32 == 0) {
        squares[item] = sum;
      }
    }
  }
}

// The norm's own result, for whoever else reads it: every block writes a share.
__device__ inline void store_norm(const StreamArgs& a, const float* factors, int thread,
                                  int threads) {
  const NormArgs& norm = a.norm;
  const int all = static_cast<int>(norm.x.rows) * a.k;
  const int share = (all + static_cast<int>(gridDim.x) - 1) / static_cast<int>(gridDim.x);
  const int first = static_cast<int>(blockIdx.x) * share;
  for (int i = first + thread; i < first + share && i < all; i += threads) {
    const int token = i / a.k;
    const int c = i % a.k;
    const float x = __ldcg(static_cast<const float*>(norm.x.data) + token * norm.x.row_stride + c);
    store(norm.y.data, norm.y.dtype, token * norm.y.row_stride + c,
          norm.weight[c] * x * factors[token]);
  }
}

}  // namespace monocle::cuda
