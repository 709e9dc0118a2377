// SPDX-License-Identifier: Apache-2.0
// Block-scaled FP8 weights as some checkpoints publish them: w[r][c] = e4m3[r][c] * scale[r /
// 128][c / 128]. Widened to bf16 when loaded; the scale is a multiplier although its tensor is
// called scale_inv.
#pragma once

#include "store/safetensors.h"
#include "tensor/buffer.h"

namespace monocle {

inline constexpr std::int64_t kFp8Block = 128;

// weight f8_e4m3 [rows, cols], scale f32, f16 or bf16 [ceil(rows/128), ceil(cols/128)] -> bf16
// [rows, cols].
Result<Buffer> dequantise_block_fp8(const TensorInfo& weight, const TensorInfo& scale);

}  // namespace monocle
