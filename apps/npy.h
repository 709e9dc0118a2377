// SPDX-License-Identifier: Apache-2.0
// Reads the arrays of a reference directory: NumPy's .npy files of unsigned bytes or 64-bit
// integers in C order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace monocle::app {

struct NpyArray {
  char kind = 0;  // 'u' for uint8, 'i' for int64
  std::vector<std::int64_t> shape;
  std::vector<std::byte> data;
};

Result<NpyArray> read_npy(const std::string& path);

}  // namespace monocle::app
