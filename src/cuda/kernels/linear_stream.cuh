// SPDX-License-Identifier: Apache-2.0
// What linear_narrow and linear_wide share: linear() for up to 64 rows of x (decode), y =
// epilogue(x Wᵀ + bias) + residual; x bf16, W bf16, or int8 or fp8 with a scale per row, sums in
// float32.
//
// The time is that of reading W once: 2 n k bytes (n k of int8 and fp8); how blocks, warps and
// clusters share W is in cuda/stream_plan.h. Every warp streams its own 16 rows through a ring in
// shared memory by asynchronous 16-byte copies and needs no barrier for it. The ring is filled
// before the launch ahead has ended: W does not depend on it. For that, blocks of both must fit one
// multiprocessor side by side.
//
// The products run on the tensor cores with W as the 16-row operand and 8 rows of x as the other;
// x lies in shared memory. int8 and fp8 become bf16 first, exactly: which column of the sum a
// register stands for is free as long as both operands agree, so a thread's 16 bytes of W are the
// columns of four instructions.
//
// An RMS norm ahead can be computed here: each block loads its columns of x in float32, multiplies
// them by the norm's weights and applies the factor of each row to the finished sums.
//
// The successor is let in after pdl_wait() only: whatever starts behind a linear_stream knows that
// everything ahead of that linear_stream has ended (attend_step reads the cache early).
#pragma once

#include "cuda/kernels/cluster.cuh"
#include "cuda/kernels/kernels.h"
#include "cuda/kernels/linear_stream_int4.cuh"

namespace monocle::cuda {

inline constexpr int kStreamThreads = 32 * kStreamWarps;

// A warp's 16 rows of W, and where in them it stands.
template <class K>
struct Source {
  const std::uint8_t* base[2];  // rows 0 and 8, this lane's row and piece of them
  int valid[2];                 // rows from there on
  int tile = 0;
  int chunk = 0;

  __device__ void enter(const StreamArgs& a, int at_tile) {
    tile = at_tile;
    chunk = 0;
    const int lane = static_cast<int>(threadIdx.x % 32);
    const std::int64_t row_bytes = std::int64_t{a.k} * K::kElement;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const EightRows<K> rows(a, tile, h);
      valid[h] = rows.valid;
      base[h] = a.part[rows.part] + lane % K::kPieces * 16;
      if (valid[h] > 0) {
        base[h] += (rows.row + lane / K::kPieces) * row_bytes;
      }
    }
  }
  __device__ void advance(const StreamArgs& a) {
    if (++chunk == a.plan.chunks) {
      enter(a, tile + a.plan.groups);
    }
  }
  // first, end: of the block's columns, in bytes.
  __device__ void copy(const StreamArgs& a, int first, int end, std::uint32_t stage) const {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int at = first + chunk * K::kSharing * K::kRowBytes;
    const bool inside = at + lane % K::kPieces * 16 < end;
    const std::int64_t row_bytes = std::int64_t{a.k} * K::kElement;
    // Piece c of row r lies at c ^ stream_swizzle(r).
    const int c = lane % K::kPieces ^ stream_swizzle(lane / K::kPieces);
    const std::uint32_t to = stage + static_cast<std::uint32_t>(lane / K::kPieces * K::kRowBytes);
#pragma unroll
    for (int i = 0; i < K::kCopies; ++i) {
      constexpr int kHalf = K::kCopies / 2;
      const int row = i % kHalf * K::kRowsAtOnce;
      const int place = c ^ stream_swizzle(row);
      copy16(to + static_cast<std::uint32_t>(i * K::kRowsAtOnce * K::kRowBytes + place * 16),
             base[i / kHalf] + row * row_bytes + at,
             inside && row + lane / K::kPieces < valid[i / kHalf]);
    }
  }
};

template <class K>
using SourceOf = std::conditional_t<K::kInt4, Int4Source<K>, Source<K>>;

// Two of four int8 as bf16: v = (128 + low seven bits) - (128, or 256 where the sign bit is set).
__device__ inline std::uint32_t widen(std::uint32_t pair) {
  const std::uint32_t low = (pair & 0x007f007fU) | 0x43004300U;
  const std::uint32_t base = (pair & 0x00800080U) | 0x43004300U;
  const __nv_bfloat162 value = __hsub2(*reinterpret_cast<const __nv_bfloat162*>(&low),
                                       *reinterpret_cast<const __nv_bfloat162*>(&base));
  return *reinterpret_cast<const std::uint32_t*>(&value);
}
// Two e4m3, each the upper byte of a half, as bf16: the bits at their places make 2^-120 of it.
__device__ inline std::uint32_t widen_fp8(std::uint32_t pair) {
  const std::uint32_t small = (pair & 0x80008000U) | (pair >> 4 & 0x07f007f0U);
  const std::uint32_t factor = 0x7b807b80U;  // 2^120
  const __nv_bfloat162 value = __hmul2(*reinterpret_cast<const __nv_bfloat162*>(&small),
                                       *reinterpret_cast<const __nv_bfloat162*>(&factor));
  return *reinterpret_cast<const std::uint32_t*>(&value);
}
template <QuantFormat kFormat>
__device__ inline void widen(std::uint32_t four, std::uint32_t& low, std::uint32_t& high) {
  if constexpr (kFormat == QuantFormat::kFp8Channel) {
    low = widen_fp8(__byte_perm(four, 0U, 0x1404));
    high = widen_fp8(__byte_perm(four, 0U, 0x3424));
  } else {
    low = widen(__byte_perm(four, 0U, 0x4140));
    high = widen(__byte_perm(four, 0U, 0x4342));
  }
}

// Four columns of a byte per register of one load become two instructions' columns.
template <class K>
__device__ inline void multiply_bytes(std::uint32_t stage,
                                      const std::uint16_t* const (&x)[K::kTokenTiles], int step,
                                      typename K::Sums& sum) {
  const int lane = static_cast<int>(threadIdx.x % 32);
#pragma unroll
  for (int j = 0; j < K::kPieces / 4; ++j) {
    const std::uint32_t at =
        stage + static_cast<std::uint32_t>(K::place(lane / 4, 4 * j + lane % 4));
    const std::uint32_t eighth = static_cast<std::uint32_t>(K::place(8, 0) - K::place(0, 0));
    const uint4 low = load_shared16(at);
    const uint4 high = load_shared16(at + eighth);
    const std::uint32_t l[4] = {low.x, low.y, low.z, low.w};
    const std::uint32_t h[4] = {high.x, high.y, high.z, high.w};
    std::uint32_t w[4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      widen<K::kFormat>(l[i], w[i][0], w[i][2]);
      widen<K::kFormat>(h[i], w[i][1], w[i][3]);
    }
#pragma unroll
    for (int i = 0; i < K::kTokenTiles; ++i) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const uint4 v = *reinterpret_cast<const uint4*>(x[i] + step * (64 * j + 8 * half));
        const std::uint32_t x0[2] = {v.x, v.y};
        const std::uint32_t x1[2] = {v.z, v.w};
        mma_bf16(sum[0][i], w[2 * half], x0);
        mma_bf16(sum[1][i], w[2 * half + 1], x1);
      }
    }
  }
}

template <class K>
__device__ inline void multiply_bf16(std::uint32_t stage,
                                     const std::uint16_t* const (&x)[K::kTokenTiles], int step,
                                     typename K::Sums& sum) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  const int row = lane / 8 % 2 * 8 + lane % 8;
#pragma unroll
  for (int j = 0; j < K::kPieces / 4; ++j) {  // 32 columns
    std::uint32_t w[2][4];
    load_matrices(w[0], stage + static_cast<std::uint32_t>(K::place(row, 4 * j + lane / 16)));
    load_matrices(w[1], stage + static_cast<std::uint32_t>(K::place(row, 4 * j + 2 + lane / 16)));
#pragma unroll
    for (int i = 0; i < K::kTokenTiles; ++i) {
      std::uint32_t v[4];
      load_matrices(v, shared_address(x[i] + step * (32 * j)));
      const std::uint32_t x0[2] = {v[0], v[1]};
      const std::uint32_t x1[2] = {v[2], v[3]};
      mma_bf16(sum[0][i], w[0], x0);
      mma_bf16(sum[1][i], w[1], x1);
    }
  }
}

// Where this lane reads x. Rows behind the last of x read zeros from a place that does not move:
// `step` is 0 there and 1 elsewhere.
template <class K>
struct XSource {
  const std::uint16_t* base[K::kTokenTiles];
  int step;

  __device__ XSource(const StreamArgs& a, const std::uint16_t* xs, const std::uint16_t* zeros)
      : step(1) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int token = K::kBytes || K::kInt4 ? lane / 4 : lane % 8;
    const int first = K::kInt4 ? lane % 4 * 8 : K::kBytes ? lane % 4 * 16 : lane / 8 * 8;
#pragma unroll
    for (int i = 0; i < K::kTokenTiles; ++i) {
      base[i] = xs + (8 * i + token) * a.plan.pitch + first;
    }
    if (zeros != nullptr && token >= static_cast<int>(a.linear.x.rows)) {
      base[0] = zeros;
      step = 0;
    }
  }
  __device__ void multiply(std::uint32_t stage, int column, typename K::Sums& sum) const {
    const std::uint16_t* at[K::kTokenTiles];
#pragma unroll
    for (int i = 0; i < K::kTokenTiles; ++i) {
      at[i] = base[i] + step * column;
    }
    if constexpr (K::kInt4) {
      multiply_int4<K>(stage, at, K::kSharing > 1 ? step : 1, sum);
    } else if constexpr (K::kBytes) {
      multiply_bytes<K>(stage, at, K::kSharing > 1 ? step : 1, sum);
    } else {
      multiply_bf16<K>(stage, at, K::kSharing > 1 ? step : 1, sum);
    }
  }
};

__device__ inline float scale_of(const StreamArgs& a, std::int64_t row) {
  const WeightRow at = find_row(a.linear.w, row);
  return static_cast<const float*>(a.linear.w.part.data()[at.part].aux)[at.row];
}

// A warp's sums of a tile; they start over.
template <class K>
__device__ inline void put_sums(float* room, typename K::Sums& sum) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float* mine = room + static_cast<int>(threadIdx.x / 32) * K::kWarpRoom;
#pragma unroll
  for (int i = 0; i < K::kTokenTiles; ++i) {
    float* at = mine + (8 * i + 2 * (lane % 4)) * kStreamTokenPitch + lane / 4;
    at[0] = sum[0][i][0] + sum[1][i][0];
    at[kStreamTokenPitch] = sum[0][i][1] + sum[1][i][1];
    at[8] = sum[0][i][2] + sum[1][i][2];
    at[kStreamTokenPitch + 8] = sum[0][i][3] + sum[1][i][3];
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      sum[0][i][e] = sum[1][i][e] = 0.0F;
    }
  }
}

// What a result needs beside the sums.
struct Extra {
  float residual;
  float2 scale;  // bytes: of the row of W, of the row of up
};

// Result `item` of a tile, of those of all rows of x.
template <class K>
struct Place {
  int token;
  int out;
  std::int64_t col;
  bool exists;

  __device__ Place(const StreamArgs& a, int tile, int item)
      : token(item / K::kTileOut),
        out(item % K::kTileOut),
        col(std::int64_t{tile} * K::kTileOut + out),
        exists(token < static_cast<int>(a.linear.x.rows) && col < a.linear.y.cols) {}
};

template <class K>
__device__ inline Extra load_extra(const StreamArgs& a, const Place<K>& at) {
  const LinearArgs& l = a.linear;
  Extra out{0.0F, {1.0F, 1.0F}};
  if (at.exists && l.residual.data != nullptr) {
    out.residual = __ldcg(static_cast<const float*>(l.residual.data) +
                          at.token * l.residual.row_stride + at.col);
  }
  if ((K::kBytes || K::kInt4) && at.exists) {
    out.scale.x = scale_of(a, at.col);
    out.scale.y = K::kSwiGlu ? scale_of(a, at.col + l.y.cols) : 1.0F;
  }
  return out;
}

template <class K>
__device__ inline void store_result(const StreamArgs& a, const Place<K>& at, const Extra& extra,
                                    float factor, float2 sum) {
  const LinearArgs& l = a.linear;
  sum.x *= factor * extra.scale.x;
  sum.y *= factor * extra.scale.y;
  const float value =
      K::kSwiGlu ? silu(sum.x) * sum.y
                 : activate(l.epilogue, l.bias != nullptr ? sum.x + l.bias[at.col] : sum.x);
  store(l.y.data, l.y.dtype, at.token * l.y.row_stride + at.col, value + extra.residual);
}

// Calls `body` with the format as a constant.
template <class Body>
void with_stream_format(QuantFormat format, const Body& body) {
  switch (format) {
    case QuantFormat::kInt8Channel:
      return body.template operator()<QuantFormat::kInt8Channel>();
    case QuantFormat::kFp8Channel:
      return body.template operator()<QuantFormat::kFp8Channel>();
    case QuantFormat::kInt4Group:
      return body.template operator()<QuantFormat::kInt4Group>();
    default:  // plan_stream() takes no other
      return body.template operator()<QuantFormat::kBF16>();
  }
}

void linear_narrow(const Launch& at, const StreamArgs& args);
void linear_wide(const Launch& at, const StreamArgs& args);

}  // namespace monocle::cuda
