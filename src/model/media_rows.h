// SPDX-License-Identifier: Apache-2.0
// The visual part of prompts behind the vision tower: one row per media token.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "monocle/media.h"
#include "ops/backend.h"

namespace monocle {

// Rows for the decoder, those of many media side by side: level 0 replaces the token embedding,
// level 1 + d is added after decoder layer d. Owns backend memory laid out [levels, rows, hidden]
// in f32.
class MediaRows {
 public:
  MediaRows() = default;
  static Result<MediaRows> allocate(Memory& memory, std::int64_t rows, std::int32_t levels,
                                    std::int64_t hidden);
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
