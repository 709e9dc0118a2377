// SPDX-License-Identifier: Apache-2.0
// Arguments of a linear() for tests of the host functions that plan it: shapes, no contents.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "ops/args.h"

namespace monocle::cuda::test {

alignas(16) inline std::array<std::byte, 64> memory;

// x in bf16, W in parts of so many rows, y in float32 with a column for each row of W.
inline LinearArgs args_of(std::int64_t rows, std::int64_t cols,
                          const std::vector<std::int64_t>& parts,
                          QuantFormat format = QuantFormat::kBF16) {
  LinearArgs args;
  args.x = {memory.data(), DType::kBF16, rows, cols};
  std::int64_t n = 0;
  for (const std::int64_t part : parts) {
    args.w.part[static_cast<std::size_t>(args.w.parts++)] = {memory.data(), nullptr, format, part,
                                                             cols};
    n += part;
  }
  args.y = {memory.data(), DType::kF32, rows, n};
  return args;
}

}  // namespace monocle::cuda::test
