// SPDX-License-Identifier: Apache-2.0
// The seam between the model and a device: about a dozen fused verbs, chosen where data must touch
// memory anyway. A backend executes verbs in the order they are issued, on one stream; only wait()
// blocks. One thread at a time may use a backend. Verbs do not allocate once every shape up to the
// planned limits has been seen.
//
// ops/reference implements each verb as a few readable scalar lines; every other backend is tested
// against it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/function_ref.h"
#include "base/result.h"
#include "ops/args.h"

namespace monocle {

struct Capabilities {
  std::string name;                // "reference", "cpu avx512-amx", "cuda:0 NVIDIA H200"
  DType activation = DType::kF32;  // what linear() likes to read: bf16 where it computes in bf16
  DType kv = DType::kF32;          // preferred element type of the KV cache
  bool int8_kv = false;            // rope_append and attend_paged know a cache of int8 as well
  bool int4 = false;               // place() keeps 4-bit groups; else it makes int8 rows of them
  bool host_memory = true;         // device pointers are host pointers
  bool (*native)(QuantFormat) =
      nullptr;  // has a kernel; other formats run through the dequantising fallback
};

// Of a backend's memory, for planning.
struct MemoryInfo {
  std::size_t total = 0;
  std::size_t free = 0;     // now, to this program
  std::size_t held = 0;     // by this program before its first allocate(): what the backend needs
  std::size_t later = 0;    // that the backend itself will take in use, for kernels and recordings
  std::size_t granule = 1;  // an allocation takes a multiple of it
};

// Memory that the backend's verbs can use. All of it is taken at start.
class Memory {
 public:
  virtual ~Memory() = default;
  [[nodiscard]] virtual MemoryInfo info() const = 0;
  // Takes the memory of all later allocations in one piece: from then on allocate() fails beyond it
  // and asks nobody. On the host nothing is taken. At most once, before the first allocate().
  virtual Status reserve(std::size_t bytes) = 0;
  // 64-byte aligned, zeroed. kTooLarge names the bytes asked for and the bytes free.
  virtual Result<void*> allocate(std::size_t bytes) = 0;
  virtual void release(void* pointer) = 0;
  // Ordered with the verbs; the host side may be reused when the call returns.
  virtual void write(void* device, const void* host, std::size_t bytes) = 0;
  virtual void read(void* host, const void* device, std::size_t bytes) = 0;
  // Makes a host-resident weight usable by verbs: the CPU keeps the pointers (the caller keeps the
  // mapping alive as long as the backend), a device copies. The result is owned by this Memory.
  virtual Result<WeightView> place(const WeightView& host) = 0;
};

using Ticket = std::uint64_t;
using GraphKey = std::uint64_t;

class Backend {
 public:
  virtual ~Backend() = default;

  virtual const Capabilities& capabilities() const = 0;
  virtual Memory& memory() = 0;

  virtual void embed(const EmbedArgs& args) = 0;
  virtual void norm(const NormArgs& args) = 0;
  virtual void linear(const LinearArgs& args) = 0;
  virtual void rope_append(const RopeAppendArgs& args) = 0;
  virtual void attend_paged(const AttendPagedArgs& args) = 0;
  virtual void attend_packed(const AttendPackedArgs& args) = 0;
  virtual void add_rows(const AddRowsArgs& args) = 0;
  virtual void gather_rows(const GatherRowsArgs& args) = 0;
  virtual void blend_rows(const BlendRowsArgs& args) = 0;
  virtual void expand_pixels(const ExpandPixelsArgs& args) = 0;
  virtual void sample(const SampleArgs& args) = 0;

  // A point in the stream of verbs; wait() returns when everything before it is done.
  virtual Ticket mark() = 0;
  virtual void wait(Ticket ticket) = 0;
  // Runs `enqueue`, which issues the same verbs with the same pointers every time the key is used.
  // A device may record it once and replay the recording; the CPU just calls it. It may also run
  // several of the verbs as one and leave unwritten what only they read: read afterwards what was
  // changed in place, and what the last verbs yield.
  virtual void replay(GraphKey key, FunctionRef<void()> enqueue) = 0;
};

}  // namespace monocle
