// SPDX-License-Identifier: Apache-2.0
// The visual part of a prompt on its way into the decoder: patches before the vision tower, rows after it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "ops/backend.h"

namespace monocle {

// A grid of patches: t frame groups of h x w patches; h and w are multiples of the merge size.
struct GridThw {
  std::int32_t t = 0;
  std::int32_t h = 0;
  std::int32_t w = 0;
  [[nodiscard]] std::int64_t patches() const { return std::int64_t{t} * h * w; }
  [[nodiscard]] std::int64_t tokens(std::int32_t merge = 2) const { return patches() / (merge * merge); }
  friend bool operator==(const GridThw&, const GridThw&) = default;
};

// One image or video, ready for the tower. Row order and column order: preprocess.h.
struct Patches {
  std::vector<float> rows;  // [grid.patches(), channels * temporal * patch * patch]
  GridThw grid;
};

// Rows for the decoder, those of many media side by side: level 0 replaces the token embedding, level 1 + d is added
// after decoder layer d. Owns backend memory laid out [levels, rows, hidden] in f32.
class MediaRows {
 public:
  MediaRows() = default;
  static Result<MediaRows> allocate(Memory& memory, std::int64_t rows, std::int32_t levels, std::int64_t hidden);
  ~MediaRows();
  MediaRows(MediaRows&& other) noexcept;
  MediaRows& operator=(MediaRows&& other) noexcept;
  MediaRows(const MediaRows&) = delete;
  MediaRows& operator=(const MediaRows&) = delete;

  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int32_t levels() const { return levels_; }
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] TensorView level(std::int32_t index) const;  // [rows, hidden] f32

 private:
  Memory* memory_ = nullptr;
  float* data_ = nullptr;
  std::int64_t rows_ = 0;
  std::int32_t levels_ = 0;
  std::int64_t hidden_ = 0;
};

}  // namespace monocle
