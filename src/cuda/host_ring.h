// SPDX-License-Identifier: Apache-2.0
// Pinned host memory that the device reads and writes directly, handed out in turn. The owner says
// when everything handed out before has been used by the device. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace monocle::cuda {

class HostRing {
 public:
  static Result<HostRing> create(std::size_t bytes);
  HostRing(HostRing&& other) noexcept;
  HostRing& operator=(HostRing&&) = delete;
  HostRing(const HostRing&) = delete;
  HostRing& operator=(const HostRing&) = delete;
  ~HostRing();

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  // 16-byte aligned, or null when the rest up to the end is too small: then reset() once the device
  // is done.
  void* take(std::size_t bytes);
  void reset() { used_ = 0; }

 private:
  HostRing(void* data, std::size_t capacity) : data_(data), capacity_(capacity) {}
  void* data_;
  std::size_t capacity_;
  std::size_t used_ = 0;
};

}  // namespace monocle::cuda
