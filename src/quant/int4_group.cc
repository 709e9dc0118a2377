// SPDX-License-Identifier: Apache-2.0
#include "quant/int4_group.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "quant/int8_channel.h"
#include "quant/largest.h"

namespace monocle {
namespace {

constexpr float kLimit = 112.0F;  // largest |w| / scale
constexpr int kTop = 15;          // largest code, zero and step
constexpr int kSize = static_cast<int>(kInt4Group);

using Group = std::array<float, kInt4Group>;

struct Grid {
  int step = 0;
  int zero = 0;
};

std::size_t data_bytes(std::int64_t rows, std::int64_t cols) {
  return static_cast<std::size_t>((rows + kInt4Rows - 1) / kInt4Rows * int4_tile_bytes(cols));
}
std::size_t aux_bytes(std::int64_t rows, std::int64_t) {
  return static_cast<std::size_t>(rows) * (sizeof(float) + sizeof(std::int32_t));
}

// The bytes of row `row` in block `block`: one in every line at 4 * (row % 16) and the three behind
// it.
std::size_t block_offset(std::int64_t row, std::int64_t block, std::int64_t cols) {
  return static_cast<std::size_t>(row / kInt4Rows * int4_tile_bytes(cols) +
                                  block * kInt4BlockBytes + row % kInt4Rows * 4);
}

// Rounding without a library call, so that the loops below vectorise; |v| < 2^22.
float nearest(float v) {
  constexpr float kNoFraction = 12582912.0F;
  return v + kNoFraction - kNoFraction;
}

float squared_error(const Group& v, const Grid& grid) {
  const auto step = static_cast<float>(grid.step);
  const float inverse = 1.0F / step;
  const auto low = static_cast<float>(-grid.zero);
  const auto high = static_cast<float>(kTop - grid.zero);
  std::array<float, kInt4Group> error;
  for (int i = 0; i < kSize; ++i) {
    const float q =
        std::min(std::max(nearest(v[static_cast<std::size_t>(i)] * inverse), low), high);
    const float off = q * step - v[static_cast<std::size_t>(i)];
    error[static_cast<std::size_t>(i)] = off * off;
  }
  float sum = 0.0F;
  for (const float e : error) {
    sum += e;
  }
  return sum;
}

// The grid with the least squared error among those that cover the group and those that are up to a
// fifth finer and cut its ends.
Grid best_grid(const Group& v) {
  float low = 0.0F;  // zero is always on the grid
  float high = 0.0F;
  for (const float value : v) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const float range = high - low;
  if (range == 0.0F) {
    return {};
  }
  const int widest = std::clamp(static_cast<int>(std::ceil(range / kTop)), 1, kTop);
  const int finest = std::clamp(static_cast<int>(range * 0.8F / kTop), 1, widest);
  Grid best;
  float least = std::numeric_limits<float>::max();
  for (int step = finest; step <= widest; ++step) {
    // A cut is shared between both ends.
    const float cut = std::max(0.0F, range - static_cast<float>(kTop * step)) * 0.5F;
    const Grid grid{
        step,
        std::clamp(static_cast<int>(nearest(-(low + cut) / static_cast<float>(step))), 0, kTop)};
    const float error = squared_error(v, grid);
    if (error < least) {
      least = error;
      best = grid;
    }
  }
  return best;
}

// Writes one group of a row and returns the sum of its q.
std::int32_t pack_group(const Group& v, std::uint8_t* block, std::int64_t group) {
  const Grid grid = best_grid(v);
  block[group] = static_cast<std::uint8_t>(grid.step | grid.zero << 4);
  std::uint8_t* lines = block + 64 * (1 + 4 * group);
  const float inverse = grid.step > 0 ? 1.0F / static_cast<float>(grid.step) : 0.0F;
  std::array<std::uint8_t, kInt4Group> codes;
  std::int32_t sum = 0;
  for (int i = 0; i < kSize; ++i) {
    const int q = static_cast<int>(nearest(v[static_cast<std::size_t>(i)] * inverse));
    const int code = std::clamp(q + grid.zero, 0, kTop);
    codes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(code);
    sum += (code - grid.zero) * grid.step;
  }
  for (std::size_t i = 0; i < codes.size(); ++i) {
    if (i % 8 < 4) {
      lines[i / 8 * 64 + i % 8] = static_cast<std::uint8_t>(codes[i] | codes[i + 4] << 4);
    }
  }
  return sum;
}

void clear_row(std::int64_t row, std::int64_t cols, std::uint8_t* data) {
  for (std::int64_t block = 0; block < int4_blocks(cols); ++block) {
    std::uint8_t* at = data + block_offset(row, block, cols);
    for (std::int64_t line = 0; line < kInt4BlockBytes; line += 64) {
      std::fill_n(at + line, 4, std::uint8_t{0});
    }
  }
}

std::int32_t pack_codes(const float* source, std::int64_t row, std::int64_t cols, float inverse,
                        std::uint8_t* data) {
  std::int32_t sum = 0;
  for (std::int64_t c = 0; c < int4_blocks(cols) * kInt4BlockCols; c += kInt4Group) {
    Group v{};
    for (std::int64_t i = 0; i < std::min(kInt4Group, cols - c); ++i) {
      // The clamp matters only for subnormal rows, where the inverse loses all precision.
      v[static_cast<std::size_t>(i)] = std::clamp(source[c + i] * inverse, -kLimit, kLimit);
    }
    sum += pack_group(v, data + block_offset(row, c / kInt4BlockCols, cols),
                      c % kInt4BlockCols / kInt4Group);
  }
  return sum;
}

void pack_row(const float* source, std::int64_t row, std::int64_t rows, std::int64_t cols,
              void* data, void* aux) {
  auto* bytes = static_cast<std::uint8_t*>(data);
  const float amax = largest_magnitude(source, cols);
  const bool finite = std::isfinite(amax);
  const float inverse =
      finite && amax > 0.0F ? std::min(kLimit / amax, std::numeric_limits<float>::max()) : 0.0F;
  std::int32_t sum = 0;
  if (finite) {
    sum = pack_codes(source, row, cols, inverse, bytes);
  } else {
    clear_row(row, cols, bytes);
  }
  if (row == rows - 1) {  // nobody packs the padding of the last tile
    for (std::int64_t r = rows; r % kInt4Rows != 0; ++r) {
      clear_row(r, cols, bytes);
    }
  }
  // A row that holds a NaN or an infinity has no scale; aux_valid() refuses what is written here.
  static_cast<float*>(aux)[row] = finite ? amax / kLimit : std::numeric_limits<float>::quiet_NaN();
  static_cast<std::int32_t*>(static_cast<void*>(static_cast<float*>(aux) + rows))[row] = sum;
}

// The 128 columns of one block of a row, the padding behind the last column included.
void unpack_block(const WeightView& weight, std::int64_t row, std::int64_t block,
                  std::array<std::int8_t, kInt4BlockCols>& out) {
  const std::uint8_t* bytes =
      static_cast<const std::uint8_t*>(weight.data) + block_offset(row, block, weight.cols);
  for (std::size_t i = 0; i < out.size(); i += 8) {
    const std::uint8_t grid = bytes[i / static_cast<std::size_t>(kInt4Group)];
    const int step = grid & kTop;
    const int zero = grid >> 4;
    const std::uint8_t* pairs = bytes + 64 * (1 + i / 8);
    for (std::size_t b = 0; b < 4; ++b) {
      // Only a file that this format did not write goes beyond int8, and then wraps.
      out[i + b] = static_cast<std::int8_t>(((pairs[b] & kTop) - zero) * step);
      out[i + b + 4] = static_cast<std::int8_t>(((pairs[b] >> 4) - zero) * step);
    }
  }
}

void unpack_int8(const WeightView& weight, std::int64_t row, std::int8_t* out) {
  std::array<std::int8_t, kInt4BlockCols> q;
  for (std::int64_t c = 0; c < weight.cols; c += kInt4BlockCols) {
    unpack_block(weight, row, c / kInt4BlockCols, q);
    std::memcpy(out + c, q.data(),
                static_cast<std::size_t>(std::min(kInt4BlockCols, weight.cols - c)));
  }
}

void unpack_row(const WeightView& weight, std::int64_t row, float* out) {
  const float scale = int8_scales(weight)[row];
  std::array<std::int8_t, kInt4BlockCols> q;
  for (std::int64_t c = 0; c < weight.cols; c += kInt4BlockCols) {
    unpack_block(weight, row, c / kInt4BlockCols, q);
    for (std::int64_t i = 0; i < std::min(kInt4BlockCols, weight.cols - c); ++i) {
      out[c + i] = scale * static_cast<float>(q[static_cast<std::size_t>(i)]);
    }
  }
}

}  // namespace

// Half of the widest step, half a step for the rounding of zero and, where the ends of a group are
// cut, half a step more.
const FormatInfo kInt4GroupInfo{QuantFormat::kInt4Group,
                                "int4",
                                data_bytes,
                                aux_bytes,
                                pack_row,
                                unpack_row,
                                [](float amax) { return amax / kLimit * kTop * 1.5F; },
                                int8_aux_valid,
                                unpack_int8};

}  // namespace monocle
