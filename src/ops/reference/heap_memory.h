// SPDX-License-Identifier: Apache-2.0
// Memory of a backend that computes on the host: the heap. Weights stay where they lie. One thread.
#pragma once

#include <unordered_map>

#include "ops/backend.h"

namespace monocle {

class HeapMemory final : public Memory {
 public:
  HeapMemory() = default;
  ~HeapMemory() override;
  HeapMemory(const HeapMemory&) = delete;
  HeapMemory& operator=(const HeapMemory&) = delete;

  [[nodiscard]] MemoryInfo info() const override;
  Status reserve(std::size_t) override { return {}; }
  Result<void*> allocate(std::size_t bytes) override;
  void release(void* pointer) override;
  void write(void* device, const void* host, std::size_t bytes) override;
  void read(void* host, const void* device, std::size_t bytes) override;
  Result<WeightView> place(const WeightView& host) override { return host; }

 private:
  std::unordered_map<void*, void*> live_;  // aligned pointer -> what calloc gave
};

}  // namespace monocle
