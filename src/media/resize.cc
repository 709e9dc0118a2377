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
#include "media/resize_taps.h"

// Thread sanitizer's start-up runs after the resolvers that target_clones makes, and crashes in
// them.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MONOCLE_RESIZE_CLONES
#endif
#endif
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(MONOCLE_RESIZE_CLONES)
#define MONOCLE_RESIZE_CLONES __attribute__((target_clones("default", "avx2", "arch=x86-64-v4")))
#elif !defined(MONOCLE_RESIZE_CLONES)
#define MONOCLE_RESIZE_CLONES
#endif

namespace monocle {
namespace {

using media::AxisTaps;

constexpr std::size_t kLanes = 16;
typedef std::uint8_t Bytes16 __attribute__((vector_size(16)));
typedef std::int32_t Ints16 __attribute__((vector_size(64)));

// One output position of both passes: sums[n] over taps of weight * in[tap * step + n], n in [0,
// kVectors * 16). Written out as a macro-free inline helper so that each clone of its caller
// compiles it for its own target.
template <std::size_t kVectors>
[[gnu::always_inline]] inline void weighted_sum(const std::uint8_t* in, std::size_t step,
                                                const std::int32_t* weights, std::int32_t count,
                                                int bits, std::uint8_t* out) {
  Ints16 sums[kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) {
    sums[v] = Ints16{} + (1 << (bits - 1));
  }
  for (std::int32_t tap = 0; tap < count; ++tap) {
    const std::uint8_t* from = in + static_cast<std::size_t>(tap) * step;
    for (std::size_t v = 0; v < kVectors; ++v) {
      Bytes16 pixels;
      std::memcpy(&pixels, from + v * kLanes, kLanes);
      sums[v] += __builtin_convertvector(pixels, Ints16) * weights[tap];
    }
  }
  for (std::size_t v = 0; v < kVectors; ++v) {
    Ints16 value = sums[v] >> bits;
    value = value < 0 ? Ints16{} : value;
    value = value > 255 ? Ints16{} + 255 : value;
    const Bytes16 pixels = __builtin_convertvector(value, Bytes16);
    std::memcpy(out + v * kLanes, &pixels, kLanes);
  }
}

std::uint8_t weighted_sum_1(const std::uint8_t* in, std::size_t step, const std::int32_t* weights,
                            std::int32_t count, int bits) {
  std::int32_t sum = 1 << (bits - 1);
  for (std::int32_t tap = 0; tap < count; ++tap) {
    sum += weights[tap] * in[static_cast<std::size_t>(tap) * step];
  }
  return static_cast<std::uint8_t>(std::clamp(sum >> bits, 0, 255));
}

// rows[16] of `bytes` bytes each -> columns[bytes][16].
void transpose_in(const std::array<const std::uint8_t*, kLanes>& rows, std::size_t bytes,
                  std::uint8_t* columns) {
  std::size_t at = 0;
  for (; at + kLanes <= bytes; at += kLanes) {
    std::array<Bytes16, kLanes> a;
    for (std::size_t r = 0; r < kLanes; ++r) {
      std::memcpy(&a[r], rows[r] + at, kLanes);
    }
    // Four rounds of interleaving row i with row i + 8 transpose a 16x16 block.
    for (int round = 0; round < 4; ++round) {
      std::array<Bytes16, kLanes> b;
      for (std::size_t i = 0; i < kLanes / 2; ++i) {
        b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                           6, 22, 7, 23);
        b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28,
                                               13, 29, 14, 30, 15, 31);
      }
      a = b;
    }
    std::memcpy(columns + at * kLanes, a.data(), kLanes * kLanes);
  }
  for (; at < bytes; ++at) {
    for (std::size_t r = 0; r < kLanes; ++r) {
      columns[at * kLanes + r] = rows[r][at];
    }
  }
}

// columns[bytes][16] -> the first `rows` of 16 rows, `bytes` apart.
void transpose_out(const std::uint8_t* columns, std::size_t bytes, std::size_t rows,
                   std::uint8_t* out) {
  std::array<std::uint8_t, kLanes * kLanes> block;
  for (std::size_t at = 0; at < bytes; at += kLanes) {
    const std::size_t width = std::min(kLanes, bytes - at);
    std::array<const std::uint8_t*, kLanes> lines;
    for (std::size_t i = 0; i < kLanes; ++i) {
      lines[i] = columns + (at + std::min(i, width - 1)) * kLanes;
    }
    transpose_in(lines, kLanes, block.data());
    for (std::size_t r = 0; r < rows; ++r) {
      std::memcpy(out + r * bytes + at, block.data() + r * kLanes, width);
    }
  }
}

// in: columns [width, 3, 16] -> out: columns [taps.out, 3, 16]
MONOCLE_RESIZE_CLONES
void filter_columns(const std::uint8_t* in, const AxisTaps& taps, std::uint8_t* out) {
  constexpr std::size_t kPixel = 3 * kLanes;
  for (std::size_t x = 0; x < taps.first.size(); ++x) {
    weighted_sum<3>(in + static_cast<std::size_t>(taps.first[x]) * kPixel, kPixel,
                    taps.weights_of(x), taps.count[x], taps.bits, out + x * kPixel);
  }
}

// One output row: in points at the first row of its taps.
MONOCLE_RESIZE_CLONES
void filter_rows(const std::uint8_t* in, std::size_t row_bytes, const AxisTaps& taps, std::size_t y,
                 std::uint8_t* out) {
  const std::int32_t* weights = taps.weights_of(y);
  const std::int32_t count = taps.count[y];
  constexpr std::size_t kWide = 4;
  std::size_t at = 0;
  for (; at + kWide * kLanes <= row_bytes; at += kWide * kLanes) {
    weighted_sum<kWide>(in + at, row_bytes, weights, count, taps.bits, out + at);
  }
  for (; at + kLanes <= row_bytes; at += kLanes) {
    weighted_sum<1>(in + at, row_bytes, weights, count, taps.bits, out + at);
  }
  for (; at < row_bytes; ++at) {
    out[at] = weighted_sum_1(in + at, row_bytes, weights, count, taps.bits);
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
      transpose_in(lines, in_bytes, columns);
      filter_columns(columns, taps, filtered);
      transpose_out(filtered, out_bytes, static_cast<std::size_t>(rows), out.row(top));
    }
  };
  for_each_block(pool, (image.height + kRows - 1) / kRows, body);
  return out;
}

Image resize_height(const Image& image, int height, ResizeForm form, ThreadPool* pool) {
  const AxisTaps taps = media::make_taps(image.height, height, form);
  Image out = make_image(image.width, height);
  constexpr std::int64_t kRows = 16;
  const auto body = [&](std::int64_t begin, std::int64_t end, int /*worker*/) {
    const auto last = static_cast<int>(std::min<std::int64_t>(end * kRows, height));
    for (int y = static_cast<int>(begin * kRows); y < last; ++y) {
      const auto position = static_cast<std::size_t>(y);
      filter_rows(image.row(taps.first[position]), image.row_bytes(), taps, position, out.row(y));
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
