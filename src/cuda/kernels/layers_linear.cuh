// SPDX-License-Identifier: Apache-2.0
// The linear phases of a layer in layers_sm90.cu.
//
// A block takes 16 rows of W at a time, its warps share out the columns, and their sums meet in
// shared memory. An RMS norm ahead is split: whoever makes a row of x stores w x as bf16 and its
// part of the sum of squares; who reads it applies the row's factor to the finished sums.
#pragma once

#include "cuda/kernels/attend_step.cuh"
#include "cuda/kernels/layers_half.cuh"
#include "cuda/kernels/layers_int4.cuh"

namespace monocle::cuda::layers {

inline constexpr int kMostUnits = 512;  // parts of a row's sum of squares

// Memory shared by the blocks, in the launch's scratch.
struct Between {
  std::uint16_t* weighted;  // [rows, hidden] bf16: w x for the next norm
  float* squares;           // [kLayerRows][kMostUnits]
  // Of attention where several blocks share an item's keys, [rows][parts][heads] each: the maximum
  // and the mass, and [kLayerHead] sums.
  float2* masses;
  float* sums;
  std::uint32_t* arrivals;  // [rows][kv heads] parts that are done; zero between items
  int parts;                // at most
};

// Eight columns of a row into the room of x. All lanes of a warp must call it, for the same row.
template <class K>
__device__ inline void put_x(const uint4& value, int row, int c, bool exists, Shared<K>& shared) {
  if constexpr (K::kBytes) {
    std::uint8_t* to = shared.x + row * K::kPitch + (K::kInt8 ? 1 : 2) * c;
    FixedScale of{};
    if constexpr (K::kInt8) {
      of = put_fixed<K::kInt4>(value, exists, to, to + K::kPlane);
    } else {
      of.scale = put_half(value, exists, to);
    }
    if (exists && threadIdx.x % 32 == 0) {
      shared.scales[(row * K::kColumns + c) / 256] = of.scale;
      if constexpr (K::kInt4) {
        shared.totals[(row * K::kColumns + c) / 256] = of.total;
      }
    }
  } else if (exists) {
    *reinterpret_cast<uint4*>(shared.x + row * K::kPitch + 2 * c) = value;
  }
}

// Columns [column, column + K::kColumns) of x, padded by zeros to whole steps.
template <class K, int kAtOnce>
__device__ inline void load_x(const std::uint16_t* x, int rows, int cols, int column,
                              Shared<K>& shared) {
  constexpr int kSpan = 8 * kThreads;  // columns of all threads
  const int wide = min(cols - column, K::kColumns);
  const int padded = (wide + K::kStep - 1) / K::kStep * K::kStep;
  const int mine = 8 * static_cast<int>(threadIdx.x);
#pragma unroll 1
  for (int row = 0, c = mine; row < rows;) {
    uint4 value[kAtOnce];
    int at_row[kAtOnce];
    int at_column[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      at_row[i] = row;
      at_column[i] = c;
      value[i] = {0, 0, 0, 0};
      if (row < rows && c < wide) {
        const std::uint16_t* from = x + std::int64_t{row} * cols + column + c;
        value[i] = __ldcg(reinterpret_cast<const uint4*>(from));
      }
      c += kSpan;
      if (c - mine >= padded) {
        c = mine;
        ++row;
      }
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      if (at_row[i] < rows) {
        put_x<K>(value[i], at_row[i], at_column[i], at_column[i] < padded, shared);
      }
    }
  }
}

// A row's parts of its sum of squares, asked for early; then 1 / sqrt(mean square + eps) of it. A
// warp for each row.
struct Factors {
  static constexpr int kEach = 4;  // parts of a lane that are asked for together
  float part = 0.0F;

  __device__ void load(const StepProgram& p, const Between& between) {
    const int parts = p.hidden / 16;
    const int row = static_cast<int>(threadIdx.x / 32);
    const int lane = static_cast<int>(threadIdx.x % 32);
    const float* from = between.squares + row * kMostUnits + lane;
#pragma unroll 1
    for (int first = 0; row < p.rows && first < parts; first += 32 * kEach) {
      float value[kEach];
#pragma unroll
      for (int i = 0; i < kEach; ++i) {
        value[i] = first + 32 * i + lane < parts ? __ldcg(from + first + 32 * i) : 0.0F;
      }
#pragma unroll
      for (int i = 0; i < kEach; ++i) {
        part += value[i];
      }
    }
  }
  __device__ void put(const StepProgram& p, float* factors) const {
    const float sum = warp_sum(part);
    if (static_cast<int>(threadIdx.x / 32) < p.rows && threadIdx.x % 32 == 0) {
      factors[threadIdx.x / 32] = 1.0F / sqrtf(sum / static_cast<float>(p.hidden) + p.eps);
    }
  }
};

// This thread's result of 16 rows of W: neighbouring lanes hold neighbouring columns of a row of x.
struct Place {
  int row;
  int out;
  int col;
  bool exists;

  __device__ Place(const StepProgram& p, int phase, int unit) {
    const int shift = phase == kGateUp ? 3 : 4;
    row = static_cast<int>(threadIdx.x) >> shift;
    out = static_cast<int>(threadIdx.x) & ((1 << shift) - 1);
    col = (unit << shift) + out;
    exists = row < p.rows;
  }
};

// x[row][col], and what a norm behind needs of it.
__device__ inline void store_x(const StepProgram& p, const Between& between, const Place& at,
                               float value, bool norm_follows, float weight) {
  if (at.exists) {
    p.x[std::int64_t{at.row} * p.hidden + at.col] = value;
  }
  if (!norm_follows) {
    return;
  }
  float square = at.exists ? value * value : 0.0F;
#pragma unroll
  for (int step = 8; step > 0; step /= 2) {
    square += __shfl_xor_sync(0xffffffffU, square, step);
  }
  if (at.exists) {
    between.weighted[std::int64_t{at.row} * p.hidden + at.col] = to_bf16(weight * value);
    if (at.out == 0) {
      between.squares[at.row * kMostUnits + at.col / 16] = square;
    }
  }
}

// The first layer's x, as if a layer had made it.
__device__ inline void begin_x(const StepProgram& p, const Between& between) {
  const float* weight = p.layer.data()[0].input_norm;
  for (int unit = static_cast<int>(blockIdx.x); unit < p.hidden / 16;
       unit += static_cast<int>(gridDim.x)) {
    const Place at(p, kOut, unit);
    const float value = at.exists ? __ldcg(p.x + std::int64_t{at.row} * p.hidden + at.col) : 0.0F;
    store_x(p, between, at, value, true, __ldg(weight + at.col));
  }
}

// What a result needs beside the sums, asked for before they are there.
struct Beside {
  float residual = 0.0F;
  bool norm_follows = false;
  float weight = 0.0F;  // of that norm
  float2 scale{1.0F, 1.0F};
};

template <class K>
__device__ inline Beside load_beside(const StepProgram& p, const LayerWeights& w, int phase,
                                     const Place& at, const float* next_norm) {
  Beside out;
  out.norm_follows = next_norm != nullptr;
  if (!at.exists) {
    return out;
  }
  if (phase == kOut || phase == kDown) {
    out.residual = __ldcg(p.x + std::int64_t{at.row} * p.hidden + at.col);
    out.weight = out.norm_follows ? __ldg(next_norm + at.col) : 0.0F;
  }
  if constexpr (K::kBytes) {
    const float* scale = phase == kOut ? w.out_scale : phase == kDown ? w.down_scale : p.head.scale;
    int row = at.col;
    if (phase == kProject) {
      const int part = row < p.q_dim ? 0 : row < p.q_dim + p.kv_dim ? 1 : 2;
      scale = w.qkv_scale.data()[part];
      row -= part == 0 ? 0 : p.q_dim + (part - 1) * p.kv_dim;
    } else if (phase == kGateUp) {
      scale = w.gate_up_scale.data()[0];
      out.scale.y = __ldg(w.gate_up_scale.data()[1] + row);
    }
    out.scale.x = __ldg(scale + row);
  }
  return out;
}

// The sums of all warps; beside gate's the one of up.
template <class K>
__device__ inline float2 add_sums(const float* room, const Place& at) {
  float2 sum{0.0F, 0.0F};
  if (at.exists) {
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float* from = room + w * K::Stream::kWarpRoom + at.row * kStreamTokenPitch + at.out;
      sum.x += from[0];
      sum.y += from[8];
    }
  }
  return sum;
}

__device__ inline void store_result(const StepProgram& p, const Between& between, int phase,
                                    const Place& at, const Beside& beside, float2 sum) {
  sum.x *= beside.scale.x;
  sum.y *= beside.scale.y;
  if (phase == kOut || phase == kDown) {
    store_x(p, between, at, sum.x + beside.residual, beside.norm_follows, beside.weight);
  } else if (at.exists && phase == kProject) {
    auto* qkv = const_cast<float*>(static_cast<const float*>(p.rope.qkv.data));
    qkv[std::int64_t{at.row} * (p.q_dim + 2 * p.kv_dim) + at.col] = sum.x;
  } else if (at.exists && phase == kHead) {
    p.head.y[std::int64_t{at.row} * p.head.rows + at.col] = sum.x;
  } else if (at.exists) {
    p.inside[std::int64_t{at.row} * p.inner + at.col] = to_bf16(silu(sum.x) * sum.y);
  }
}

// Where this lane reads x. Rows behind the last are what lies there: nobody reads their sums.
template <class K>
struct XAt {
  const std::uint8_t* base;
  const float* scale[2];
  const int* total[2];      // int4 only
  std::uint32_t int4_base;  // likewise

  __device__ explicit XAt(const Shared<K>& shared) {
    const int lane = static_cast<int>(threadIdx.x % 32);
    const int first = static_cast<int>(threadIdx.x / 32) * K::Stream::kColumns;
    const int token = (K::kBytes ? lane / 4 : lane % 8) % K::kRows;
    base = shared.x + token * K::kPitch + (K::kInt8 ? 1 : 2) * first +
           (K::kBytes ? lane % 4 : lane / 8) * (K::kFp8 ? 32 : 16);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int at = ((lane % 4 * 2 + i) % K::kRows * K::kColumns + first) / 256;
      scale[i] = shared.scales + at;
      total[i] = shared.totals + (K::kInt4 ? at : 0);
    }
    int4_base = shared_address(shared.x + token * K::kPitch + first + lane % 4 * 8);
  }
  // The warp's stage that belongs to columns [column, column + K::kStep) of the room.
  __device__ void multiply(std::uint32_t stage, int column, bool head,
                           typename K::Stream::Sums& sum) const {
    if constexpr (K::kBytes) {
      const float scales[2] = {scale[0][column / 256], scale[1][column / 256]};
      if constexpr (K::kInt4) {
        if (!head) {
          const int totals[2] = {total[0][column / 256], total[1][column / 256]};
          multiply_int4(stage, int4_base + static_cast<std::uint32_t>(column), K::kPlane, scales,
                        totals, sum);
          return;
        }
      }
      const std::uint32_t x = shared_address(base);
      if constexpr (K::kInt8) {
        multiply_fixed<typename K::Stream>(stage, x + static_cast<std::uint32_t>(column), K::kPlane,
                                           scales, sum);
      } else {
        multiply_half<typename K::Stream>(stage, x + static_cast<std::uint32_t>(2 * column), scales,
                                          sum);
      }
    } else {
      const std::uint16_t* const at[1] = {reinterpret_cast<const std::uint16_t*>(base) + column};
      multiply_bf16<typename K::Stream>(stage, at, 1, sum);
    }
  }
};

// One linear of a layer, or behind the last.
struct LinearPhase {
  int layer;
  int phase;
  const std::uint16_t* x;  // [rows, columns]

  __device__ bool normed() const { return phase == kProject || phase == kGateUp || phase == kHead; }
  template <class K>
  __device__ const float* next_norm(const StepProgram& p, const Shared<K>& shared) const {
    if (phase == kOut) {
      return shared.layer[layer].post_norm;
    }
    if (phase != kDown) {
      return nullptr;
    }
    return layer + 1 < p.layers ? shared.layer[layer + 1].input_norm : p.head.norm;
  }
};

// All blocks have arrived at the barrier before. The phases share their code, since each is so
// short that fetching its own would take longer than running it.
template <class K>
__device__ inline void run_linear(const StepProgram& p, const Between& between,
                                  const LinearPhase& linear, Ring<K>& ring, Shared<K>& shared) {
  static_assert(16 * K::kRows <= kThreads);        // results of a unit
  constexpr int kAtOnce = K::kRows == 2 ? 4 : 12;  // loads of x
  const LayerWeights& w = shared.layer[linear.layer];
  const float* next_norm = linear.next_norm(p, shared);
  const int units = WeightStream::units(p, linear.phase);
  const int cols = WeightStream::columns(p, linear.phase);
  const XAt<K> at(shared);
  bool loaded = false;
  int turn = 0;
#pragma unroll 1
  for (int unit = static_cast<int>(blockIdx.x); unit < units; unit += static_cast<int>(gridDim.x)) {
    const Place place(p, linear.phase, unit);
    const Beside beside = load_beside<K>(p, w, linear.phase, place, next_norm);
    typename K::Stream::Sums sum = {};
#pragma unroll 1
    for (int column = 0; column < cols; column += K::kColumns) {
      if (!loaded || cols > K::kColumns) {
        Factors factors;
        if (loaded) {
          __syncthreads();  // the columns before have been used
        } else if (linear.normed()) {
          factors.load(p, between);
        }
        load_x<K, kAtOnce>(linear.x, p.rows, cols, column, shared);
        if (linear.normed() && !loaded) {
          factors.put(p, shared.factors);
        }
        __syncthreads();
        loaded = true;
      }
      const int end = min(cols - column, K::kColumns);
#pragma unroll 1
      for (int c = 0; c < end; c += K::kStep) {
        ring.use(p,
                 [&](std::uint32_t stage) { at.multiply(stage, c, linear.phase == kHead, sum); });
      }
    }
    float* room = shared.sums[turn];
    put_sums<typename K::Stream>(room, sum);
    __syncthreads();
    float2 result = add_sums<K>(room, place);
    if (linear.normed() && place.exists) {
      result.x *= shared.factors[place.row];
      result.y *= shared.factors[place.row];
    }
    store_result(p, between, linear.phase, place, beside, result);
    turn ^= 1;
  }
}

}  // namespace monocle::cuda::layers
