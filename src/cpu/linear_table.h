// SPDX-License-Identifier: Apache-2.0
// Which kernel computes a linear layer: a pure function of the weight format, the element type of
// x, the tier and the number of rows. `monocle doctor` prints it.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "cpu/isa.h"
#include "cpu/linear.h"
#include "quant/format.h"

namespace monocle::cpu {

struct LinearKernel {
  const char* name;  // e.g. "dot bf16 x bf16 -> f32"
  LinearFunction function;
};

struct LinearKey {
  QuantFormat format;
  DType x;  // f32 or bf16
  Isa isa;
  std::int64_t m;  // rows of x
  // A row's bytes may not depend on m: one kernel for few rows and many.
  bool batch_invariant = false;
};

LinearKernel linear_kernel(const LinearKey& key);

// False when rows of W are unpacked to float first because no kernel reads the format.
bool linear_native(QuantFormat format);

}  // namespace monocle::cpu
