// SPDX-License-Identifier: Apache-2.0
// What this machine can do at most, measured: the denominators of every CPU figure we print. Takes
// about a second and `buffer_bytes` of memory; not for the request path.
#pragma once

#include <cstddef>

#include "cpu/context.h"
#include "tensor/buffer.h"

namespace monocle::cpu {

struct Roof {
  double read_gb_s = 0;   // memory read, all workers, 1e9 bytes per second
  double f32_gflops = 0;  // fused multiply-adds on registers, all workers, 2 per multiply-add
  double bf16_gflops =
      0;  // the same with bf16 factors and float sums, as the tier's kernels compute them
  double int8_gops = 0;  // int8 factors, int32 sums
};

struct RoofOptions {
  std::size_t buffer_bytes = std::size_t{1} << 30;  // far larger than the last-level cache
  double seconds = 0.2;  // per figure; the best of several repeats counts
};

Roof measure_roof(Context& context, const RoofOptions& options);

// The memory figure alone. On shared machines it jumps by half within seconds, with what the
// neighbours do: a benchmark that divides by it takes a sample beside each of its own.
class ReadProbe {
 public:
  // Takes `buffer_bytes` of memory. `context` must outlive the probe.
  ReadProbe(Context& context, std::size_t buffer_bytes);

  // One pass over the buffer by all workers, in 1e9 bytes per second.
  double sample();

 private:
  Context& context_;
  std::size_t each_;  // bytes of one worker
  Buffer buffer_;
};

double measure_read_gb_s(Context& context, const RoofOptions& options);

}  // namespace monocle::cpu
