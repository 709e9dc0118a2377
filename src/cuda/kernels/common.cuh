// SPDX-License-Identifier: Apache-2.0
// Device helpers of all kernels: typed loads and stores, reductions, the overlap of neighbouring
// launches.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "cuda/check.h"
#include "cuda/launch.h"
#include "ops/args.h"

namespace monocle::cuda {

// Row of a head's key (and value) among all rows of the cache, of the token in `slot`.
__device__ inline std::int64_t cache_row(const KvView& kv, std::int64_t slot, int kv_head) {
  return (slot / kv.block_tokens * kv.kv_heads + kv_head) * kv.block_tokens +
         slot % kv.block_tokens;
}

// With overlap, a kernel's blocks may run before the launch ahead of it has ended: they must pass
// pdl_wait() before they read what a kernel wrote or write anything. Weights are never written, so
// they may be read before it.
__device__ inline void pdl_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ inline void pdl_launch_next() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

struct Shape {
  dim3 grid;
  dim3 block;
  std::size_t shared = 0;
  unsigned cluster = 1;  // blocks side by side in x that share their memory; compute capability 9
};

template <class... Params, class... Args>
void launch(const Launch& at, void (*kernel)(Params...), const Shape& shape, const Args&... args) {
  cudaLaunchAttribute attributes[2] = {};
  unsigned count = 0;
  if (at.overlap) {
    attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[count++].val.programmaticStreamSerializationAllowed = 1;
  }
  if (shape.cluster > 1) {
    attributes[count].id = cudaLaunchAttributeClusterDimension;
    attributes[count++].val.clusterDim = {shape.cluster, 1, 1};
  }
  // Every kernel divides a multiprocessor's memory alike: blocks of neighbouring launches can only
  // run side by side where it need not be divided anew.
  MONOCLE_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                          cudaSharedmemCarveoutMaxShared));
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared;
  config.stream = at.stream;
  config.attrs = attributes;
  config.numAttrs = count;
  MONOCLE_CUDA_CHECK(cudaLaunchKernelEx(&config, kernel, args...));
}

// More than 48 KB of shared memory per block must be asked for once per kernel and device.
template <class Kernel>
void allow_shared(Kernel* kernel, std::size_t bytes) {
  MONOCLE_CUDA_CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                          static_cast<int>(bytes)));
}

__device__ inline float bf16_low(std::uint32_t pair) { return __uint_as_float(pair << 16); }
__device__ inline float bf16_high(std::uint32_t pair) {
  return __uint_as_float(pair & 0xffff0000U);
}
__device__ inline float bf16_value(std::uint16_t bits) {
  return __uint_as_float(static_cast<std::uint32_t>(bits) << 16);
}
__device__ inline std::uint16_t to_bf16(float value) {
  return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}
__device__ inline std::uint32_t to_bf16_pair(float low, float high) {
  const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&pair);
}

// Activations are read around the first-level cache: another multiprocessor wrote them.
__device__ inline float load(const void* data, DType dtype, std::int64_t index) {
  return dtype == DType::kF32 ? __ldcg(static_cast<const float*>(data) + index)
                              : bf16_value(__ldcg(static_cast<const std::uint16_t*>(data) + index));
}
__device__ inline void store(void* data, DType dtype, std::int64_t index, float value) {
  if (dtype == DType::kF32) {
    static_cast<float*>(data)[index] = value;
  } else {
    static_cast<std::uint16_t*>(data)[index] = to_bf16(value);
  }
}

// e4m3 as float: the bits at their places make 2^-120 of it.
__device__ inline float fp8_value(std::uint8_t code) {
  const std::uint32_t bits = (code & 0x80U) << 24 | (code & 0x7fU) << 20;
  return __uint_as_float(bits) * 0x1p120F;
}

// One weight as float, whatever its format; without its row's scale.
__device__ inline float load_weight(const void* data, QuantFormat format, std::int64_t index) {
  switch (format) {
    case QuantFormat::kF32:
      return static_cast<const float*>(data)[index];
    case QuantFormat::kF16:
      return __half2float(__ushort_as_half(static_cast<const std::uint16_t*>(data)[index]));
    case QuantFormat::kBF16:
      return bf16_value(static_cast<const std::uint16_t*>(data)[index]);
    case QuantFormat::kInt8Channel:
      return static_cast<float>(static_cast<const std::int8_t*>(data)[index]);
    case QuantFormat::kFp8Channel:
      return fp8_value(static_cast<const std::uint8_t*>(data)[index]);
    case QuantFormat::kInt4Group:
      break;  // has no rows: kernels/int4.cuh
  }
  return 0.0F;
}

// The scale of a row of weights.
__device__ inline float weight_scale(const WeightView& w, std::int64_t row) {
  const bool scaled = is_byte_channel(w.format) || w.format == QuantFormat::kInt4Group;
  return scaled ? static_cast<const float*>(w.aux)[row] : 1.0F;
}

// Eight consecutive elements, 16-byte aligned, as floats.
__device__ inline void load8(const std::uint16_t* from, float (&out)[8]) {
  const uint4 raw = __ldcg(reinterpret_cast<const uint4*>(from));
  const std::uint32_t words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    out[2 * i] = bf16_low(words[i]);
    out[2 * i + 1] = bf16_high(words[i]);
  }
}
__device__ inline void load8(const float* from, float (&out)[8]) {
  const float4 a = __ldcg(reinterpret_cast<const float4*>(from));
  const float4 b = __ldcg(reinterpret_cast<const float4*>(from) + 1);
  out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
  out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
}

__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    value += __shfl_xor_sync(0xffffffffU, value, step);
  }
  return value;
}

// Sum over a block of 32 * n threads, the same in every thread. Every call needs its own `room` of
// 32 floats, or a barrier between two calls.
__device__ inline float block_sum(float value, float* room) {
  value = warp_sum(value);
  const int warps = static_cast<int>(blockDim.x) / 32;
  if (threadIdx.x % 32 == 0) {
    room[threadIdx.x / 32] = value;
  }
  __syncthreads();
  float total = 0.0F;
  for (int i = 0; i < warps; ++i) {
    total += room[i];
  }
  return total;
}

__device__ inline float gelu_tanh(float x) {
  return 0.5F * x * (1.0F + tanhf(0.7978845608028654F * (x + 0.044715F * x * x * x)));
}
__device__ inline float gelu_erf(float x) {
  return 0.5F * x * (1.0F + erff(x * 0.7071067811865476F));
}
__device__ inline float silu(float x) { return x / (1.0F + __expf(-x)); }
__device__ inline float activate(Epilogue epilogue, float x) {
  return epilogue == Epilogue::kGeluTanh  ? gelu_tanh(x)
         : epilogue == Epilogue::kGeluErf ? gelu_erf(x)
                                          : x;
}

}  // namespace monocle::cuda
