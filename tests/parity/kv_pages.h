// SPDX-License-Identifier: Apache-2.0
// Pages of keys or values on their way to a backend's memory and back, in any element type of the
// cache.
#pragma once

#include "harness.h"

namespace monocle::parity {

// Of an int8 cache: a row of bytes and a scale for each row of a tensor.
struct Int8Rows {
  std::vector<std::int8_t> codes;
  std::vector<float> scales;
};
// Rows of NaN become scales of NaN.
Int8Rows quantised(const HostTensor& rows);
HostTensor dequantised(const Int8Rows& rows, std::int64_t cols);

// float32 pages for what an element type cannot be given in a HostTensor.
constexpr DType host_type(DType kv) { return kv == DType::kI8 ? DType::kF32 : kv; }

struct PlacedPages {
  void* data = nullptr;
  DType dtype = DType::kF32;
  float* scale = nullptr;
};
// Rows of host_type(kv), as `kv`. Moved they are not int8 any more, whose rounding would hide the
// movement, but the float32 numbers that the int8 stood for.
PlacedPages put_pages(Rig& rig, const HostTensor& rows, DType kv, const Movement& movement,
                      std::uint64_t input);

// What lies there by now, shaped like `rows`; int8 as the float32 numbers that it stands for.
HostTensor read_pages(Backend& backend, const PlacedPages& pages, const HostTensor& rows);

// An int8 cache that nobody has written yet, and what a verb left there: the bytes as float32
// numbers and the scales, [rows, 1], both poison where nothing was stored.
class Int8Target {
 public:
  Int8Target(Rig& rig, std::int64_t rows, std::int64_t cols);
  [[nodiscard]] PlacedPages placed() const { return placed_; }
  void read(Backend& backend);
  HostTensor codes;
  HostTensor scales;

 private:
  Int8Rows rows_;
  PlacedPages placed_;
};

}  // namespace monocle::parity
