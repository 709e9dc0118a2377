// SPDX-License-Identifier: Apache-2.0
#include "store/block_fp8.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/dtype.h"
#include "store/json_text.h"

namespace monocle {
namespace {

std::array<float, 256> e4m3_table() {
  std::array<float, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = f8_e4m3_to_float(static_cast<std::uint8_t>(i));
  }
  return table;
}

Result<std::vector<float>> read_scales(const TensorInfo& scale) {
  const std::size_t size = dtype_size(scale.dtype);
  std::vector<float> scales(scale.bytes.size() / size);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const std::byte* from = scale.bytes.data() + i * size;
    if (scale.dtype == DType::kF32) {
      std::memcpy(&scales[i], from, sizeof(float));
    } else {
      std::uint16_t bits = 0;
      std::memcpy(&bits, from, sizeof(bits));
      scales[i] = scale.dtype == DType::kBF16 ? bf16_to_float(bits) : f16_to_float(bits);
    }
    if (!std::isfinite(scales[i])) {
      return fail(ErrorCode::kInvalidArgument, "tensor '{}': scale {} is not a finite number",
                  printable(scale.name), i);
    }
  }
  return scales;
}

Status check_shapes(const TensorInfo& weight, const TensorInfo& scale) {
  if (weight.shape.size() != 2) {
    return fail(ErrorCode::kUnsupported, "tensor '{}': f8_e4m3 of shape {} is not a matrix",
                printable(weight.name), shape_text(weight.shape));
  }
  if (scale.dtype != DType::kF32 && scale.dtype != DType::kBF16 && scale.dtype != DType::kF16) {
    return fail(ErrorCode::kUnsupported, "tensor '{}': scales of type {} are not supported",
                printable(scale.name), dtype_name(scale.dtype));
  }
  const std::vector<std::int64_t> expected{(weight.shape[0] + kFp8Block - 1) / kFp8Block,
                                           (weight.shape[1] + kFp8Block - 1) / kFp8Block};
  if (scale.shape != expected) {
    return fail(ErrorCode::kInvalidArgument, "tensor '{}' has shape {}, blocks of {} need {}",
                printable(scale.name), shape_text(scale.shape), kFp8Block, shape_text(expected));
  }
  return {};
}

}  // namespace

Result<Buffer> dequantise_block_fp8(const TensorInfo& weight, const TensorInfo& scale) {
  MONOCLE_TRY(check_shapes(weight, scale));
  MONOCLE_ASSIGN(const std::vector<float> scales, read_scales(scale));
  const std::array<float, 256> table = e4m3_table();
  const std::int64_t rows = weight.shape[0];
  const std::int64_t cols = weight.shape[1];
  const std::int64_t blocks = (cols + kFp8Block - 1) / kFp8Block;
  Buffer out(weight.bytes.size() * sizeof(std::uint16_t));
  const auto* in = static_cast<const std::uint8_t*>(static_cast<const void*>(weight.bytes.data()));
  auto* to = static_cast<std::uint16_t*>(static_cast<void*>(out.data()));
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* row_scales = scales.data() + r / kFp8Block * blocks;
    bool nan = false;
    for (std::int64_t begin = 0; begin < cols; begin += kFp8Block) {
      const float multiplier = row_scales[begin / kFp8Block];
      const std::int64_t end = std::min(begin + kFp8Block, cols);
      for (std::int64_t c = begin; c < end; ++c) {
        const std::uint8_t bits = in[r * cols + c];
        nan |= (bits & 0x7fU) == 0x7fU;
        to[r * cols + c] = float_to_bf16(table[bits] * multiplier);
      }
    }
    if (nan) {
      return fail(ErrorCode::kInvalidArgument,
                  "tensor '{}': row {} holds a value that is not a number", printable(weight.name),
                  r);
    }
  }
  return out;
}

}  // namespace monocle
