// SPDX-License-Identifier: Apache-2.0
#include "cuda/host_ring.h"

#include <utility>

#include "cuda/check.h"

namespace monocle::cuda {

Result<HostRing> HostRing::create(std::size_t bytes) {
  void* data = nullptr;
  if (cudaHostAlloc(&data, bytes, cudaHostAllocMapped) != cudaSuccess) {
    cudaGetLastError();
    return fail(ErrorCode::kTooLarge,
                "{} bytes of pinned host memory asked for: the system refused", bytes);
  }
  return HostRing(data, bytes);
}

HostRing::HostRing(HostRing&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), capacity_(other.capacity_), used_(other.used_) {}

HostRing::~HostRing() {
  if (data_ != nullptr) {
    cudaFreeHost(data_);
  }
}

void* HostRing::take(std::size_t bytes) {
  const std::size_t rounded = (bytes + 15) / 16 * 16;
  if (rounded > capacity_ - used_) {
    return nullptr;
  }
  void* out = static_cast<std::byte*>(data_) + used_;
  used_ += rounded;
  return out;
}

}  // namespace monocle::cuda
