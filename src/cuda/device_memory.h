// SPDX-License-Identifier: Apache-2.0
// Memory on the GPU. Small writes are kept in pinned memory until the next verb and then leave in
// one launch; large ones are copied at once. Weights are copied and owned here. One thread.
#pragma once

#include <functional>
#include <unordered_set>
#include <utility>

#include "cuda/host_ring.h"
#include "cuda/kernels/kernels.h"
#include "ops/backend.h"

namespace monocle::cuda {

class DeviceMemory final : public Memory {
 public:
  // `launch` must outlive the memory. before_access enqueues verbs that were put off: they come
  // before any access. keeps_int4: 4-bit groups stay so.
  DeviceMemory(int device, const Launch& launch, bool keeps_int4, HostRing ring,
               std::function<void()> before_access);
  ~DeviceMemory() override;
  DeviceMemory(const DeviceMemory&) = delete;
  DeviceMemory& operator=(const DeviceMemory&) = delete;

  [[nodiscard]] MemoryInfo info() const override;
  Status reserve(std::size_t bytes) override;
  Result<void*> allocate(std::size_t bytes) override;
  void release(void* pointer) override;
  void write(void* device, const void* host, std::size_t bytes) override;
  void read(void* host, const void* device, std::size_t bytes) override;
  Result<WeightView> place(const WeightView& host) override;

  // Enqueues the writes that are still waiting.
  void flush();
  [[nodiscard]] bool waiting() const { return waiting_.count > 0; }

 private:
  Result<void*> take_reserved(std::size_t bytes);
  void* take_pinned(std::size_t bytes);
  Result<WeightView> place_bytes(const WeightView& host, std::size_t data_bytes);
  Result<WeightView> place_int4(const WeightView& host);
  Result<WeightView> place_as_int8(const WeightView& host);
  void write_at_once(void* device, const void* host, std::size_t bytes);

  int device_;
  const Launch& launch_;
  bool keeps_int4_;
  HostRing ring_;
  std::function<void()> before_access_;
  HostCopies waiting_{};
  std::unordered_set<void*> live_;
  // What reserve() took: given out in order and given back with the memory itself.
  std::byte* reserved_ = nullptr;
  std::size_t reserved_bytes_ = 0;
  std::size_t reserved_used_ = 0;
  std::size_t held_ = 0;  // see MemoryInfo; other programs' share of the device included
};

}  // namespace monocle::cuda
