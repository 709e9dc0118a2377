// SPDX-License-Identifier: Apache-2.0
// Weight number formats. A weight matrix is [rows, cols] = [outputs, inputs] (y = x Wᵀ). The
// formats that checkpoints are published in, int8 and fp8 are row-major, so that a mapped file can
// be used where it lies on every backend and instruction set; int4 has tiles of rows. A format says
// what a matrix costs, how to pack a row from float and how to read it back; everything else looks
// it up here. A new format is one file that fills a FormatInfo and one line in registry.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace monocle {

enum class QuantFormat : std::uint8_t {
  kF32,
  kF16,
  kBF16,
  kInt8Channel,  // symmetric int8, one float scale per output row; see int8_channel.h
  kInt4Group,    // 16 levels per 32 columns, which are int8 values of the row; see int4_group.h
  kFp8Channel,   // e4m3, one float scale per output row; see fp8_channel.h
};

// Rows of one byte a weight with a float scale for each, which are all or the beginning of aux.
constexpr bool is_byte_channel(QuantFormat format) {
  return format == QuantFormat::kInt8Channel || format == QuantFormat::kFp8Channel;
}

// A weight where it lies. Does not own. `aux` is what the format needs beside the data (scales, row
// sums), or null.
struct WeightView {
  const void* data = nullptr;
  const void* aux = nullptr;
  QuantFormat format = QuantFormat::kF32;
  std::int64_t rows = 0;  // output features
  std::int64_t cols = 0;  // input features
};

struct FormatInfo {
  QuantFormat format;
  std::string_view name;  // as in --quant and in packed files
  // Bytes of the data and of the aux part of a [rows, cols] matrix.
  std::size_t (*data_bytes)(std::int64_t rows, std::int64_t cols);
  std::size_t (*aux_bytes)(std::int64_t rows, std::int64_t cols);
  // Packs row `row` of a matrix with `rows` rows from `source` (cols floats) into data and aux
  // (sized as above).
  void (*pack_row)(const float* source, std::int64_t row, std::int64_t rows, std::int64_t cols,
                   void* data, void* aux);
  // The scalar truth: row `row` as floats. Every kernel is tested against it.
  void (*unpack_row)(const WeightView& weight, std::int64_t row, float* out);
  // Largest |unpack(pack(w)) - w| of a row whose largest magnitude is `amax`.
  float (*error_bound)(float amax);
  // Whether the aux part of a matrix read from a file is usable (finite scales ...); null: there is
  // nothing to check.
  bool (*aux_valid)(const WeightView& weight) = nullptr;
  // Row `row` as bytes q with unpack_row = scale * q, exactly, for formats whose aux part is that
  // of int8_channel.h; else null.
  void (*unpack_int8)(const WeightView& weight, std::int64_t row, std::int8_t* out) = nullptr;
};

// All formats, in enum order.
std::span<const FormatInfo> formats();
const FormatInfo& format_info(QuantFormat format);
// nullptr when there is no such name.
const FormatInfo* find_format(std::string_view name);

}  // namespace monocle
