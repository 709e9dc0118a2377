// SPDX-License-Identifier: Apache-2.0
// Verbs that move or add rows: embed, add_rows, gather_rows, blend_rows, expand_pixels.
//
// One block of 256 threads per row, neighbouring threads on neighbouring columns. Bytes per row of
// H columns:
//   embed        H * size(table) read, 4 H written       gather_rows  4 H read, 4 H written
//   add_rows     H * size(source) + 4 H read, 4 H written
//   blend_rows   4 H * size(table) + 4 H read, 4 H written
//   expand_pixels  a byte read per pixel, 4 bytes written per pixel and frame
#include "cuda/kernels/int4.cuh"
#include "cuda/kernels/kernels.h"

namespace monocle::cuda {
namespace {

constexpr int kThreads = 256;

// y[c] = scale * value(c), several at a time: a step of one token waits for these loads.
template <class Value>
__device__ inline void put_row(float* y, std::int64_t cols, float scale, const Value& value) {
  constexpr int kAtOnce = 8;
  for (std::int64_t first = threadIdx.x; first < cols; first += kAtOnce * kThreads) {
    float loaded[kAtOnce];
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const std::int64_t c = first + i * kThreads;
      loaded[i] = c < cols ? value(c) : 0.0F;
    }
#pragma unroll
    for (int i = 0; i < kAtOnce; ++i) {
      const std::int64_t c = first + i * kThreads;
      if (c < cols) {
        y[c] = scale * loaded[i];
      }
    }
  }
}

__global__ void embed_kernel(const __grid_constant__ EmbedArgs a) {
  pdl_launch_next();
  pdl_wait();
  const std::int64_t t = blockIdx.x;
  float* y = static_cast<float*>(a.y.data) + t * a.y.row_stride;
  const std::int32_t media_row = a.media_row != nullptr ? a.media_row[t] : -1;
  if (media_row >= 0) {
    for (std::int64_t c = threadIdx.x; c < a.y.cols; c += kThreads) {
      y[c] = load(a.media.data, a.media.dtype, media_row * a.media.row_stride + c);
    }
    return;
  }
  const std::int64_t id = a.ids.data()[t];
  const float scale = weight_scale(a.table, id);
  const auto as = [&](QuantFormat format) {
    return [&a, id, format](std::int64_t c) {
      return load_weight(a.table.data, format, id * a.table.cols + c);
    };
  };
  switch (a.table.format) {  // outside of the loop, so that its loads go together
    case QuantFormat::kBF16:
      return put_row(y, a.y.cols, scale, as(QuantFormat::kBF16));
    case QuantFormat::kInt8Channel:
      return put_row(y, a.y.cols, scale, as(QuantFormat::kInt8Channel));
    case QuantFormat::kInt4Group:
      return put_row(y, a.y.cols, scale, [&](std::int64_t c) {
        return static_cast<float>(int4_value(a.table.data, a.table.cols, id, c));
      });
    default:
      return put_row(y, a.y.cols, scale, as(a.table.format));
  }
}

__global__ void add_rows_kernel(const __grid_constant__ AddRowsArgs a) {
  pdl_launch_next();
  pdl_wait();
  const std::int64_t t = blockIdx.x;
  const std::int64_t from = a.row.data()[t];
  float* y = static_cast<float*>(a.y.data) + t * a.y.row_stride;
  for (std::int64_t c = threadIdx.x; from >= 0 && c < a.y.cols; c += kThreads) {
    y[c] = __ldcg(y + c) + load(a.source.data, a.source.dtype, from * a.source.row_stride + c);
  }
}

__global__ void gather_rows_kernel(const __grid_constant__ GatherRowsArgs a) {
  pdl_launch_next();
  pdl_wait();
  const std::int64_t t = blockIdx.x;
  const float* x = static_cast<const float*>(a.x.data) + a.row.data()[t] * a.x.row_stride;
  float* y = static_cast<float*>(a.y.data) + t * a.y.row_stride;
  for (std::int64_t c = threadIdx.x; c < a.y.cols; c += kThreads) {
    y[c] = __ldcg(x + c);
  }
}

__global__ void blend_rows_kernel(const __grid_constant__ BlendRowsArgs a) {
  pdl_launch_next();
  pdl_wait();
  const std::int64_t t = blockIdx.x;
  float* y = static_cast<float*>(a.y.data) + t * a.y.row_stride;
  for (std::int64_t c = threadIdx.x; c < a.y.cols; c += kThreads) {
    float sum = 0.0F;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      sum += a.weight[4 * t + j] *
             load_weight(a.table.data, a.table.format, a.index[4 * t + j] * a.table.cols + c);
    }
    y[c] = __ldcg(y + c) + sum;
  }
}

__global__ void expand_pixels_kernel(const __grid_constant__ ExpandPixelsArgs a) {
  pdl_launch_next();
  pdl_wait();
  const std::int64_t i = blockIdx.x;
  const int planes = a.channels * a.stored;
  float* y = static_cast<float*>(a.y.data) + i * a.y.row_stride;
  const std::uint8_t* pixels = a.pixels + i * planes * a.area;
  for (int at = threadIdx.x; at < planes * a.area; at += kThreads) {
    const int plane = at / a.area;
    const int channel = plane / a.stored;
    const int frame = plane % a.stored;
    const float value = __ldcg(a.values + 256 * channel + __ldcg(pixels + at));
    // The last frame that is there stands for the others.
    const int end = frame + 1 == a.stored ? a.frames : frame + 1;
    for (int f = frame; f < end; ++f) {
      y[(channel * a.frames + f) * a.area + at - plane * a.area] = value;
    }
  }
}

template <class Args>
void over_rows(const Launch& at, void (*kernel)(Args), const Args& args) {
  if (args.y.rows > 0) {
    launch(at, kernel, {dim3(static_cast<unsigned>(args.y.rows)), dim3(kThreads)}, args);
  }
}

}  // namespace

void embed(const Launch& at, const EmbedArgs& args) { over_rows(at, embed_kernel, args); }
void add_rows(const Launch& at, const AddRowsArgs& args) { over_rows(at, add_rows_kernel, args); }
void gather_rows(const Launch& at, const GatherRowsArgs& args) {
  over_rows(at, gather_rows_kernel, args);
}
void blend_rows(const Launch& at, const BlendRowsArgs& args) {
  over_rows(at, blend_rows_kernel, args);
}
void expand_pixels(const Launch& at, const ExpandPixelsArgs& args) {
  over_rows(at, expand_pixels_kernel, args);
}

}  // namespace monocle::cuda
