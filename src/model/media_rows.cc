// SPDX-License-Identifier: Apache-2.0
#include "model/media_rows.h"

#include <utility>

#include "base/check.h"

namespace monocle {

Result<MediaRows> MediaRows::allocate(Memory& memory, std::int64_t rows, std::int32_t levels,
                                      std::int64_t hidden) {
  MediaRows out;
  out.memory_ = &memory;
  out.rows_ = rows;
  out.levels_ = levels;
  out.hidden_ = hidden;
  MONOCLE_ASSIGN(void* data, memory.allocate(out.bytes()));
  out.data_ = static_cast<float*>(data);
  return out;
}

MediaRows::~MediaRows() {
  if (data_ != nullptr) {
    memory_->release(data_);
  }
}

MediaRows::MediaRows(MediaRows&& other) noexcept { *this = std::move(other); }

MediaRows& MediaRows::operator=(MediaRows&& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(data_, other.data_);
  std::swap(rows_, other.rows_);
  std::swap(levels_, other.levels_);
  std::swap(hidden_, other.hidden_);
  return *this;
}

std::size_t MediaRows::bytes() const {
  return static_cast<std::size_t>(rows_ * levels_ * hidden_) * sizeof(float);
}

TensorView MediaRows::level(std::int32_t index) const {
  MONOCLE_CHECK(index >= 0 && index < levels_);
  return {data_ + index * rows_ * hidden_, DType::kF32, rows_, hidden_};
}

}  // namespace monocle
