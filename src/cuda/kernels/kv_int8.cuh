// SPDX-License-Identifier: Apache-2.0
// Rows of an int8 cache: a row x of keys or values of one token and head is q[c] * scale, see
// KvView. Rounding follows the reference step by step, so that both hold the same bytes of the same
// x.
#pragma once

#include "cuda/kernels/linear_rows.cuh"

namespace monocle::cuda {

struct Int8Scale {
  float scale;
  float inverse;
};
__device__ inline Int8Scale int8_scale(float largest) {
  return {largest / 127.0F, largest > 0.0F ? 127.0F / largest : 0.0F};
}
// The clamp matters only where the inverse overflows.
__device__ inline int to_int8(float x, const Int8Scale& of) {
  return max(-127, min(127, __float2int_rn(x * of.inverse)));
}

__device__ inline float warp_max(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    value = fmaxf(value, __shfl_xor_sync(0xffffffffU, value, step));
  }
  return value;
}

// Where the scale of a row lies, of keys or of values.
__device__ inline float* scale_of_row(const KvView& kv, bool is_key, std::int64_t row) {
  return (is_key ? kv.k_scale : kv.v_scale) + row;
}

// A scale to shared memory, asynchronously; zero when `valid` is false (`from` is then not read).
__device__ inline void copy4(std::uint32_t to, const void* from, bool valid) {
  const int bytes = valid ? 4 : 0;
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes)
               : "memory");
}

__device__ inline float load_shared4(std::uint32_t address) {
  float out;
  asm volatile("ld.shared.f32 %0, [%1];" : "=f"(out) : "r"(address) : "memory");
  return out;
}
__device__ inline void store_shared16(std::uint32_t address, const uint4& value) {
  asm volatile("st.shared.v4.u32 [%0], {%1,%2,%3,%4};" ::"r"(address), "r"(value.x), "r"(value.y),
               "r"(value.z), "r"(value.w)
               : "memory");
}

// Four elements, scaled, as bf16.
__device__ inline uint2 widen_scaled(std::uint32_t four, float scale) {
  const auto at = [&](int i) {
    return scale * static_cast<float>(static_cast<std::int8_t>(four >> (8 * i) & 0xffU));
  };
  return {to_bf16_pair(at(0), at(1)), to_bf16_pair(at(2), at(3))};
}

// Sixteen elements, scaled, as two pieces of eight bf16.
struct Widened {
  uint4 first;
  uint4 second;
};
__device__ inline Widened widen_scaled(const uint4& sixteen, float scale) {
  const uint2 a = widen_scaled(sixteen.x, scale);
  const uint2 b = widen_scaled(sixteen.y, scale);
  const uint2 c = widen_scaled(sixteen.z, scale);
  const uint2 d = widen_scaled(sixteen.w, scale);
  return {{a.x, a.y, b.x, b.y}, {c.x, c.y, d.x, d.y}};
}

// Eight consecutive elements of a row.
__device__ inline void load8(const std::int8_t* from, float (&out)[8]) {
  const uint2 raw = __ldcg(reinterpret_cast<const uint2*>(from));
  const std::uint32_t words[2] = {raw.x, raw.y};
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    out[i] = static_cast<float>(static_cast<std::int8_t>(words[i / 4] >> (8 * (i % 4)) & 0xffU));
  }
}

}  // namespace monocle::cuda
