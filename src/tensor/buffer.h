// SPDX-License-Identifier: Apache-2.0
// Owned host memory, 64-byte aligned (a cache line and the widest vector), zero-filled by the
// kernel on first touch. Large buffers ask for huge pages. Movable, not copyable.
#pragma once

#include <cstddef>
#include <span>

namespace monocle {

class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t bytes);  // aborts when the address space is exhausted: sizes are
                                       // planned and checked first
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  // Not on a temporary: the pointer would outlive the memory (tests/mustfail).
  [[nodiscard]] std::byte* data() const& { return data_; }
  [[nodiscard]] std::byte* data() const&& = delete;
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() const& { return {data_, size_}; }
  [[nodiscard]] std::span<std::byte> bytes() const&& = delete;

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;    // as asked for
  std::size_t mapped_ = 0;  // rounded to pages
};

}  // namespace monocle
