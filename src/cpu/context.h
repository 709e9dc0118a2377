// SPDX-License-Identifier: Apache-2.0
// What a CPU verb runs with besides its arguments: the workers, scratch memory and the instruction
// set. Owned by the backend, used by one thread at a time. Scratch grows when a larger shape comes
// and is never given back, so a warm step does not allocate.
#pragma once

#include <cstddef>
#include <vector>

#include "base/check.h"
#include "base/thread_pool.h"
#include "cpu/isa.h"
#include "tensor/buffer.h"

namespace monocle::cpu {

class Context {
 public:
  Context(int threads, bool pin, Isa isa, bool batch_invariant = false)
      : pool_(threads, pin),
        isa_(isa),
        batch_invariant_(batch_invariant),
        workers_(static_cast<std::size_t>(pool_.size())) {}

  [[nodiscard]] ThreadPool& pool() { return pool_; }
  [[nodiscard]] Isa isa() const { return isa_; }
  // See CpuOptions.
  [[nodiscard]] bool batch_invariant() const { return batch_invariant_; }

  // 64-byte aligned memory for the whole verb, contents undefined. One at a time: a second call may
  // move the first.
  std::byte* shared(std::size_t bytes) { return grown(shared_, bytes); }

  // The same for weights in another format than they lie in; lasts while shared() is used.
  std::byte* expanded(std::size_t bytes) { return grown(expanded_, bytes); }

  // Before forking: every worker gets `bytes`. Inside: worker(w), contents undefined.
  void reserve_workers(std::size_t bytes) {
    for (Buffer& buffer : workers_) {
      grown(buffer, bytes);
    }
  }
  [[nodiscard]] std::byte* worker(int index) const {
    return workers_[static_cast<std::size_t>(index)].data();
  }

 private:
  static std::byte* grown(Buffer& buffer, std::size_t bytes) {
    if (buffer.size() < bytes) {
      buffer = Buffer(bytes);
    }
    return buffer.data();
  }

  ThreadPool pool_;
  Isa isa_;
  bool batch_invariant_;
  Buffer shared_;
  Buffer expanded_;
  std::vector<Buffer> workers_;
};

}  // namespace monocle::cpu
