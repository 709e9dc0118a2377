// SPDX-License-Identifier: Apache-2.0
// The planned workspace of a model: every tensor a step needs gets a name and an offset before the
// first step, then one block of backend memory is taken for all of them. Nothing is allocated
// afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/dtype.h"
#include "tensor/view.h"

namespace monocle {

class ArenaPlan {
 public:
  struct Entry {
    std::string name;
    std::size_t offset = 0;
    std::size_t bytes = 0;
  };

  // Reserves a contiguous [rows, cols] tensor and returns its offset, 64-byte aligned.
  std::size_t add(std::string_view name, DType dtype, std::int64_t rows, std::int64_t cols) {
    MONOCLE_CHECK(rows >= 0 && cols >= 0);
    const std::size_t bytes =
        static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) * dtype_size(dtype);
    const std::size_t offset = total_;
    total_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    entries_.push_back({std::string(name), offset, bytes});
    return offset;
  }

  [[nodiscard]] std::size_t total_bytes() const { return total_; }
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  static constexpr std::size_t kAlignment = 64;
  std::size_t total_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace monocle
