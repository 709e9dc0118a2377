// SPDX-License-Identifier: Apache-2.0
#include "tensor/buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <utility>

#include "base/check.h"

namespace monocle {
namespace {
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
}  // namespace

Buffer::Buffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) {
    return;
  }
  MONOCLE_CHECK(bytes <= SIZE_MAX / 2);
  mapped_ = (bytes + kPage - 1) / kPage * kPage;
  void* mapping =
      mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  MONOCLE_CHECK(mapping != MAP_FAILED);
  if (mapped_ >= kHugePage) {
    madvise(mapping, mapped_, MADV_HUGEPAGE);  // best effort
  }
  data_ = static_cast<std::byte*>(mapping);
}

Buffer::~Buffer() {
  if (data_ != nullptr) {
    munmap(data_, mapped_);
  }
}

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

}  // namespace monocle
