// SPDX-License-Identifier: Apache-2.0
// One block of backend memory for all intermediate tensors of a step, laid out by an ArenaPlan.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"
#include "ops/backend.h"
#include "tensor/arena.h"

namespace monocle::qwen3_vl {

// A tensor of the workspace: planned for the largest step, viewed at the size of the step at hand.
struct Slot {
  std::size_t offset = 0;
  DType dtype = DType::kF32;
  std::int64_t max_rows = 0;
  std::int64_t cols = 0;
};

class Workspace {
 public:
  explicit Workspace(Memory& memory) : memory_(&memory) {}
  ~Workspace() {
    if (base_ != nullptr) {
      memory_->release(base_);
    }
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  Slot add(const char* name, DType dtype, std::int64_t rows, std::int64_t cols) {
    return {plan_.add(name, dtype, rows, cols), dtype, rows, cols};
  }
  // Takes the memory; no add() afterwards.
  Status commit() {
    MONOCLE_ASSIGN(base_, memory_->allocate(plan_.total_bytes()));
    return {};
  }
  [[nodiscard]] std::size_t bytes() const { return plan_.total_bytes(); }

  [[nodiscard]] TensorView view(const Slot& slot, std::int64_t rows) const {
    MONOCLE_CHECK(base_ != nullptr && rows <= slot.max_rows);
    return {static_cast<std::byte*>(base_) + slot.offset, slot.dtype, rows, slot.cols};
  }
  // Copies host data into a slot and returns where it lies.
  template <class T>
  const T* stage(const Slot& slot, const T* host, std::size_t count) {
    MONOCLE_CHECK(count * sizeof(T) <=
                  static_cast<std::size_t>(slot.max_rows * slot.cols) * dtype_size(slot.dtype));
    void* target = static_cast<std::byte*>(base_) + slot.offset;
    memory_->write(target, host, count * sizeof(T));
    return static_cast<const T*>(target);
  }

 private:
  Memory* memory_;
  ArenaPlan plan_;
  void* base_ = nullptr;
};

}  // namespace monocle::qwen3_vl
