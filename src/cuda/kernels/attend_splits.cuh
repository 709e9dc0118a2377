// SPDX-License-Identifier: Apache-2.0
// What the kernels for single queries share: which keys a query sees, and how the partial results
// of several blocks become one. Records are {maximum, mass, sum of D channels} per query head.
#pragma once

#include "cuda/kernels/common.cuh"

namespace monocle::cuda {

constexpr float kNever = -1e30F;

struct DecodeArgs {
  AttendPagedArgs attend;
  float* scratch;
  std::uint32_t* counters;
  bool singles_only;  // blockIdx.x is a sequence; those with more than one query are left out
};

// The keys a query sees, as a list: the sinks, then the window (or everything).
struct Visible {
  int sequence = 0;
  int count = 0;
  int sinks = 0;
  int window_start = 0;

  __device__ int position(int index) const {
    return index < sinks ? index : window_start + index - sinks;
  }
};

__device__ inline Visible find_visible(const AttendPagedArgs& a, int row) {
  const std::int32_t* start = a.query_start.data();
  const int sequences = static_cast<int>(a.context.size());
  int low = row < sequences ? row : 0;
  // Asked for together with the starts: decode steps are made of these.
  const int guess = __ldcg(a.context.data() + low);
  if (!(row < sequences && __ldcg(start + row) == row && __ldcg(start + row + 1) == row + 1)) {
    low = 0;
    for (int high = sequences - 1;
         low < high;) {  // the last sequence that starts at or before the row
      const int middle = (low + high + 1) / 2;
      if (__ldcg(start + middle) <= row) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
  }
  Visible out;
  out.sequence = low;
  const int query =
      (low == row ? guess : __ldcg(a.context.data() + low)) - (__ldcg(start + low + 1) - row);
  if (a.window > 0) {
    out.window_start = query - a.window + 1 > 0 ? query - a.window + 1 : 0;
    out.sinks = a.sinks < out.window_start ? a.sinks : out.window_start;
  }
  out.count = out.sinks + query + 1 - out.window_start;
  return out;
}

// Which query is number `index`; for singles_only the only one of sequence `index`, or -1.
__device__ inline int query_row(const AttendPagedArgs& a, int index, bool singles_only) {
  if (!singles_only) {
    return index;
  }
  const int row = __ldcg(a.query_start.data() + index);
  return __ldcg(a.query_start.data() + index + 1) - row == 1 ? row : -1;
}

// Channel c of the sum of up to 32 records `pitch` floats apart. All lanes of a warp must call it.
__device__ inline float join_parts(const float* from, int parts, std::int64_t pitch, int c) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  float best = lane < parts ? __ldcg(from + lane * pitch) : kNever;
  float mass = lane < parts ? __ldcg(from + lane * pitch + 1) : 0.0F;
  float top = best;
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    top = fmaxf(top, __shfl_xor_sync(0xffffffffU, top, step));
  }
  const float scale = expf(best - top);
  mass = warp_sum(mass * scale);
  float sum = 0.0F;
#pragma unroll 8
  for (int i = 0; i < parts; ++i) {
    sum += __shfl_sync(0xffffffffU, scale, i) * __ldcg(from + i * pitch + 2 + c);
  }
  return sum / mass;
}

}  // namespace monocle::cuda
