// SPDX-License-Identifier: Apache-2.0
// A non-owning view of a tensor: pointer, element type, shape. Rows are contiguous; the leading
// dimensions may be strided (row_stride), which is all this model needs: a slice of columns of a
// wider row. Never owns, never checks lifetime: whoever made the memory keeps it alive for as long
// as the view is used.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/check.h"
#include "base/dtype.h"

namespace monocle {

template <class Void>
struct BasicTensorView {
  Void* data = nullptr;
  DType dtype = DType::kF32;
  std::int64_t rows = 0;        // product of all dimensions but the last
  std::int64_t cols = 0;        // last dimension
  std::int64_t row_stride = 0;  // elements from one row to the next, >= cols

  BasicTensorView() = default;
  BasicTensorView(Void* data_, DType dtype_, std::int64_t rows_, std::int64_t cols_)
      : data(data_), dtype(dtype_), rows(rows_), cols(cols_), row_stride(cols_) {}
  BasicTensorView(Void* data_, DType dtype_, std::int64_t rows_, std::int64_t cols_,
                  std::int64_t stride)
      : data(data_), dtype(dtype_), rows(rows_), cols(cols_), row_stride(stride) {
    MONOCLE_CHECK(stride >= cols_);
  }
  // A mutable view converts to a read-only one, never back.
  template <class Other>
    requires(std::is_const_v<Void> && !std::is_const_v<Other>)
  BasicTensorView(const BasicTensorView<Other>& other)  // NOLINT(google-explicit-constructor)
      : data(other.data),
        dtype(other.dtype),
        rows(other.rows),
        cols(other.cols),
        row_stride(other.row_stride) {}

  [[nodiscard]] bool contiguous() const { return row_stride == cols; }
  [[nodiscard]] std::int64_t elements() const { return rows * cols; }
  [[nodiscard]] std::size_t bytes() const {
    return static_cast<std::size_t>(elements()) * dtype_size(dtype);
  }

  // Element pointer of row `r`; T must be the element type of dtype (uint16_t for bf16/f16).
  template <class T>
  [[nodiscard]] auto row(std::int64_t r) const {
    using Pointer = std::conditional_t<std::is_const_v<Void>, const T*, T*>;
    MONOCLE_CHECK(sizeof(T) == dtype_size(dtype));
    return static_cast<Pointer>(data) + r * row_stride;
  }

  // Rows [begin, begin + count).
  [[nodiscard]] BasicTensorView slice_rows(std::int64_t begin, std::int64_t count) const {
    MONOCLE_CHECK(begin >= 0 && count >= 0 && begin + count <= rows);
    return offset(begin * row_stride, count, cols);
  }
  // Columns [begin, begin + count) of every row.
  [[nodiscard]] BasicTensorView slice_cols(std::int64_t begin, std::int64_t count) const {
    MONOCLE_CHECK(begin >= 0 && count >= 0 && begin + count <= cols);
    return offset(begin, rows, count);
  }

 private:
  [[nodiscard]] BasicTensorView offset(std::int64_t elements_in, std::int64_t new_rows,
                                       std::int64_t new_cols) const {
    using Byte = std::conditional_t<std::is_const_v<Void>, const std::byte, std::byte>;
    Byte* base =
        static_cast<Byte*>(data) + static_cast<std::size_t>(elements_in) * dtype_size(dtype);
    return {base, dtype, new_rows, new_cols, row_stride};
  }
};

using TensorView = BasicTensorView<void>;
using ConstTensorView = BasicTensorView<const void>;

}  // namespace monocle
