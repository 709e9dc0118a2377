// SPDX-License-Identifier: Apache-2.0
// The inner loops of resize, compiled once per instruction set and chosen at run time; all give the
// same bytes. Internal to resize.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "media/resize_taps.h"

namespace monocle::media {

inline constexpr std::size_t kResizeLanes = 16;  // rows that the horizontal pass filters together

struct ResizeKernels {
  const char* name;
  // in: columns [width, 3, lanes] -> out: columns [taps, 3, lanes]
  void (*filter_columns)(const std::uint8_t* in, const AxisTaps& taps, std::uint8_t* out);
  // Row y of the result; in is the first row of its taps.
  void (*filter_row)(const std::uint8_t* in, std::size_t row_bytes, const AxisTaps& taps,
                     std::size_t y, std::uint8_t* out);
  // 16x16 bytes; in has one pointer per row, out is contiguous.
  void (*transpose)(const std::uint8_t* const* in, std::uint8_t* out);
};

// Those this machine can run, the best last.
std::span<const ResizeKernels> resize_kernels();

}  // namespace monocle::media
