// SPDX-License-Identifier: Apache-2.0
// The end of a tile of linear_sm90: from the sums of a warpgroup to y. Each epilogue is unrolled on
// its own, so that the code that runs stays in the instruction cache.
#pragma once

#include "cuda/kernels/linear_rows.cuh"

namespace monocle::cuda {

// Where the sums of a warpgroup belong.
struct StoreAt {
  std::int64_t row;  // of y, the group's first of 64
  int col;           // of y
  int cols;          // how many of the tile's columns exist
  const float* x_scale;
};

// What belongs to the columns of a tile, in shared memory: its loads would otherwise be waited for
// again and again between the stores.
template <int kN>
struct alignas(16) Columns {
  float bias[kN];
  float scale[kN];  // of rows of W, where they are bytes
  bool last;        // of the splits of a tile
};

// Four lanes hold four words each, word j of column block j: lane t leaves with block t's words.
__device__ inline void transpose_quad(std::uint32_t (&w)[4]) {
  const unsigned t = threadIdx.x % 4;
#pragma unroll
  for (int bit = 1; bit <= 2; bit *= 2) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & bit) == 0) {
        const bool up = (t & bit) != 0;
        const std::uint32_t other = __shfl_xor_sync(0xffffffffU, up ? w[i] : w[i + bit], bit);
        (up ? w[i] : w[i + bit]) = other;
      }
    }
  }
}

// x tanh gelu = x / (1 + exp(-2 u)): small results keep their relative precision.
__device__ inline float gelu_tanh_fast(float x) {
  const float u = 0.7978845608028654F * (x + 0.044715F * x * x * x);
  return __fdividef(x, 1.0F + __expf(-2.0F * u));
}
__device__ inline float silu_fast(float x) { return __fdividef(x, 1.0F + __expf(-x)); }
template <Epilogue kEpilogue>
__device__ inline float activate_as(float x) {
  return kEpilogue == Epilogue::kGeluTanh  ? gelu_tanh_fast(x)
         : kEpilogue == Epilogue::kGeluErf ? gelu_erf(x)
                                           : x;
}

template <int kStep>
__device__ inline void load_residual(const LinearArgs& l, const float* from, int j0, int cols,
                                     float2 (&out)[kStep]) {
#pragma unroll
  for (int j = 0; j < kStep; ++j) {
    out[j] = l.residual.data != nullptr && 8 * (j0 + j) < cols
                 ? __ldcg(reinterpret_cast<const float2*>(from + 8 * (j0 + j)))
                 : float2{0.0F, 0.0F};
  }
}

// Bias, activation, residual and the store of kCount times eight columns of one row; value(i) is
// the thread's sum i of that row. Columns from `cols` on do not exist. kStep times eight columns at
// a time, whose residual is loaded before the stores of those ahead: y may be the residual, but not
// in the same columns.
template <Epilogue kEpilogue, int kCount, int kStep, class Value>
__device__ inline void store_row(const LinearArgs& l, const Value& value, const float* bias,
                                 std::int64_t row, std::int64_t col, int cols) {
  const int t = static_cast<int>(threadIdx.x % 4);
  const float* residual =
      static_cast<const float*>(l.residual.data) + row * l.residual.row_stride + col + 2 * t;
  const bool wide = l.y.dtype == DType::kF32;
  float* y = static_cast<float*>(l.y.data) + row * l.y.row_stride + col + 2 * t;
  std::uint16_t* y16 = static_cast<std::uint16_t*>(l.y.data) + row * l.y.row_stride + col + 8 * t;
  float2 more[kStep];
  load_residual<kStep>(l, residual, 0, cols, more);
#pragma unroll
  for (int j0 = 0; j0 < kCount; j0 += kStep) {
    float2 out[kStep];
#pragma unroll
    for (int j = 0; j < kStep; ++j) {
      const float2 b = kEpilogue == Epilogue::kSwiGlu
                           ? float2{0.0F, 0.0F}
                           : *reinterpret_cast<const float2*>(bias + 8 * (j0 + j) + 2 * t);
      out[j] = {activate_as<kEpilogue>(value(2 * (j0 + j)) + b.x) + more[j].x,
                activate_as<kEpilogue>(value(2 * (j0 + j) + 1) + b.y) + more[j].y};
    }
    if (j0 + kStep < kCount) {
      load_residual<kStep>(l, residual, j0 + kStep, cols, more);
    }
    if (wide) {
#pragma unroll
      for (int j = 0; j < kStep; ++j) {
        if (8 * (j0 + j) < cols) {
          *reinterpret_cast<float2*>(y + 8 * (j0 + j)) = out[j];
        }
      }
    } else {
#pragma unroll
      for (int j = 0; j < kStep; j += 4) {
        std::uint32_t words[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          words[i] = to_bf16_pair(out[j + i].x, out[j + i].y);
        }
        transpose_quad(words);
        if (8 * (j0 + j + t) < cols) {
          *reinterpret_cast<uint4*>(y16 + 8 * (j0 + j)) = {words[0], words[1], words[2], words[3]};
        }
      }
    }
  }
}

template <Epilogue kEpilogue, int kN, bool kScaled, class Sum>
__device__ inline void store_rows(const LinearArgs& l, const StoreAt& at,
                                  const Columns<kN>& columns, const Sum (&sum)[kN / 2]) {
  constexpr bool kPairs = kEpilogue == Epilogue::kSwiGlu;
  const std::int64_t row0 = at.row + threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    // Rows that do not exist have no columns: the shuffles of a store need the whole warp.
    const bool inside = row0 + 8 * h < l.x.rows;
    const std::int64_t row = inside ? row0 + 8 * h : 0;
    const int cols = inside ? at.cols : 0;
    const float x_scale = kScaled ? __ldcg(at.x_scale + row) : 1.0F;
    const auto value = [&](int i) {
      const auto v = static_cast<float>(sum[i / 2 * 4 + 2 * h + i % 2]);
      const int c = i / 2 * 8 + 2 * static_cast<int>(threadIdx.x % 4) + i % 2;
      return kScaled ? v * (x_scale * columns.scale[c]) : v;
    };
    if constexpr (kPairs) {
      const auto both = [&](int i) { return silu_fast(value(i)) * value(i + kN / 8); };
      store_row<kEpilogue, kN / 16, 4>(l, both, columns.bias, row, at.col, cols);
    } else {
      store_row<kEpilogue, kN / 8, kScaled ? 4 : 8>(l, value, columns.bias, row, at.col, cols);
    }
  }
}

template <int kN, bool kScaled, class Sum>
__device__ inline void store_tile(const LinearArgs& l, const StoreAt& at,
                                  const Columns<kN>& columns, const Sum (&sum)[kN / 2]) {
  switch (l.epilogue) {
    case Epilogue::kNone:
      return store_rows<Epilogue::kNone, kN, kScaled>(l, at, columns, sum);
    case Epilogue::kGeluTanh:
      return store_rows<Epilogue::kGeluTanh, kN, kScaled>(l, at, columns, sum);
    case Epilogue::kGeluErf:
      return store_rows<Epilogue::kGeluErf, kN, kScaled>(l, at, columns, sum);
    case Epilogue::kSwiGlu:
      return store_rows<Epilogue::kSwiGlu, kN, kScaled>(l, at, columns, sum);
  }
}

}  // namespace monocle::cuda
