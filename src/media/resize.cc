// SPDX-License-Identifier: Apache-2.0
// The vertical pass is a weighted sum of rows and vectorises along them. The horizontal pass works
// on 16 rows at a time, transposed, so that it is the same sum: one lane per row, no gathers and no
// three-channel shuffles.
#include "media/resize.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "media/resize_kernels.h"
#include "media/resize_taps.h"

namespace monocle {
namespace {

using media::AxisTaps;
using media::ResizeKernels;

constexpr std::size_t kLanes = media::kResizeLanes;

// rows[16] of `bytes` bytes each -> columns[bytes][16].
void transpose_in(const ResizeKernels& kernels, const std::array<const std::uint8_t*, kLanes>& rows,
                  std::size_t bytes, std::uint8_t* columns) {
  std::array<const std::uint8_t*, kLanes> block;
  std::size_t at = 0;
  for (; at + kLanes <= bytes; at += kLanes) {
    for (std::size_t r = 0; r < kLanes; ++r) {
      block[r] = rows[r] + at;
    }
    kernels.transpose(block.data(), columns + at * kLanes);
  }
  for (; at < bytes; ++at) {
    for (std::size_t r = 0; r < kLanes; ++r) {
      columns[at * kLanes + r] = rows[r][at];
    }
  }
}

// columns[bytes][16] -> the first `rows` of 16 rows, `bytes` apart.
void transpose_out(const ResizeKernels& kernels, const std::uint8_t* columns, std::size_t bytes,
                   std::size_t rows, std::uint8_t* out) {
  std::array<std::uint8_t, kLanes * kLanes> block;
  std::array<const std::uint8_t*, kLanes> lines;
  for (std::size_t at = 0; at < bytes; at += kLanes) {
    const std::size_t width = std::min(kLanes, bytes - at);
    for (std::size_t i = 0; i < kLanes; ++i) {
      lines[i] = columns + (at + std::min(i, width - 1)) * kLanes;
    }
    kernels.transpose(lines.data(), block.data());
    for (std::size_t r = 0; r < rows; ++r) {
      std::memcpy(out + r * bytes + at, block.data() + r * kLanes, width);
    }
  }
}

void for_each_block(ThreadPool* pool, std::int64_t count,
                    FunctionRef<void(std::int64_t, std::int64_t, int)> body) {
  if (pool != nullptr && pool->size() > 1 && count > 1) {
    pool->parallel_for(count, 1, body);
  } else {
    body(0, count, 0);
  }
}

Image resize_width(const Image& image, int width, ResizeForm form, ThreadPool* pool) {
  const ResizeKernels& kernels = media::resize_kernels().back();
  const AxisTaps taps = media::make_taps(image.width, width, form);
  Image out = make_image(width, image.height);
  const std::size_t in_bytes = image.row_bytes();
  const std::size_t out_bytes = out.row_bytes();
  const std::size_t workers = pool == nullptr ? 1 : static_cast<std::size_t>(pool->size());
  const std::size_t scratch_bytes = (in_bytes + out_bytes) * kLanes;
  std::vector<std::uint8_t> scratch(workers * scratch_bytes);
  constexpr int kRows = static_cast<int>(kLanes);
  const auto body = [&](std::int64_t begin, std::int64_t end, int worker) {
    std::uint8_t* columns = scratch.data() + static_cast<std::size_t>(worker) * scratch_bytes;
    std::uint8_t* filtered = columns + in_bytes * kLanes;
    for (std::int64_t block = begin; block < end; ++block) {
      const int top = static_cast<int>(block) * kRows;
      const int rows = std::min(kRows, image.height - top);
      std::array<const std::uint8_t*, kLanes> lines;
      for (int r = 0; r < kRows; ++r) {
        lines[static_cast<std::size_t>(r)] = image.row(top + std::min(r, rows - 1));
      }
      transpose_in(kernels, lines, in_bytes, columns);
      kernels.filter_columns(columns, taps, filtered);
      transpose_out(kernels, filtered, out_bytes, static_cast<std::size_t>(rows), out.row(top));
    }
  };
  for_each_block(pool, (image.height + kRows - 1) / kRows, body);
  return out;
}

Image resize_height(const Image& image, int height, ResizeForm form, ThreadPool* pool) {
  const ResizeKernels& kernels = media::resize_kernels().back();
  const AxisTaps taps = media::make_taps(image.height, height, form);
  Image out = make_image(image.width, height);
  constexpr std::int64_t kRows = 16;
  const auto body = [&](std::int64_t begin, std::int64_t end, int /*worker*/) {
    const auto last = static_cast<int>(std::min<std::int64_t>(end * kRows, height));
    for (int y = static_cast<int>(begin * kRows); y < last; ++y) {
      const auto position = static_cast<std::size_t>(y);
      kernels.filter_row(image.row(taps.first[position]), image.row_bytes(), taps, position,
                         out.row(y));
    }
  };
  for_each_block(pool, (height + kRows - 1) / kRows, body);
  return out;
}

bool height_first(Size2d from, Size2d to, ResizeForm form) {
  const int height_loss = from.height - to.height;
  return form == ResizeForm::kPillow13 && height_loss > 0 &&
         height_loss > 2 * (from.width - to.width);
}

}  // namespace

Image resize_bicubic(const Image& image, Size2d size, ResizeForm form, ThreadPool* pool) {
  MONOCLE_CHECK(size.width >= 1 && size.height >= 1 && image.width >= 1 && image.height >= 1);
  const bool wider = size.width != image.width;
  const bool taller = size.height != image.height;
  if (!wider && !taller) {
    return image;
  }
  if (!taller) {
    return resize_width(image, size.width, form, pool);
  }
  if (!wider) {
    return resize_height(image, size.height, form, pool);
  }
  if (height_first(image.size(), size, form)) {
    return resize_width(resize_height(image, size.height, form, pool), size.width, form, pool);
  }
  return resize_height(resize_width(image, size.width, form, pool), size.height, form, pool);
}

}  // namespace monocle
