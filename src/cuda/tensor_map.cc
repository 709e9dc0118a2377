// SPDX-License-Identifier: Apache-2.0
#include "cuda/tensor_map.h"

#include <cuda_runtime_api.h>

#include "base/check.h"
#include "cuda/check.h"

namespace monocle::cuda {
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

Encode find_encode() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                       cudaEnableDefault, &found) != cudaSuccess ||
      found != cudaDriverEntryPointSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  return reinterpret_cast<Encode>(function);
}

Encode encode() {
  static const Encode function = find_encode();
  return function;
}

}  // namespace

bool has_tensor_maps() { return encode() != nullptr; }

CUtensorMap make_tensor_map(const MatrixMap& matrix) {
  const cuuint64_t size[2] = {static_cast<cuuint64_t>(matrix.cols),
                              static_cast<cuuint64_t>(matrix.rows)};
  const cuuint64_t stride[1] = {static_cast<cuuint64_t>(matrix.row_bytes)};
  const cuuint32_t box[2] = {static_cast<cuuint32_t>(matrix.box_bytes / matrix.element_bytes),
                             static_cast<cuuint32_t>(matrix.box_rows)};
  const cuuint32_t step[2] = {1, 1};
  alignas(64) CUtensorMap map;
  const CUresult result = encode()(
      &map,
      matrix.element_bytes == 8   ? CU_TENSOR_MAP_DATA_TYPE_UINT64
      : matrix.element_bytes == 2 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16
                                  : CU_TENSOR_MAP_DATA_TYPE_UINT8,
      2, const_cast<void*>(matrix.data), size, stride, box, step, CU_TENSOR_MAP_INTERLEAVE_NONE,
      matrix.box_bytes == 128 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_NONE,
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (result != CUDA_SUCCESS) {
    throw DeviceError("the driver refused a tensor map (error " + std::to_string(result) + ")");
  }
  return map;
}

}  // namespace monocle::cuda
