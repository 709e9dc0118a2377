// SPDX-License-Identifier: Apache-2.0
// The largest magnitude of a row, from which formats with a scale per row choose it.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

namespace monocle {

// As a bit pattern: positive floats order like integers, and an integer maximum vectorises where a
// float one may not be reordered. Infinities and NaNs come out on top.
inline float largest_magnitude(const float* source, std::int64_t cols) {
  std::uint32_t largest = 0;
  for (std::int64_t c = 0; c < cols; ++c) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(source[c]) & 0x7fffffffU);
  }
  return std::bit_cast<float>(largest);
}

}  // namespace monocle
