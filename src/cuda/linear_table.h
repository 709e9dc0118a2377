// SPDX-License-Identifier: Apache-2.0
// Which kernel runs a linear(): a pure host function of its arguments, so that a test without a GPU
// can read it.
#pragma once

#include <cstdint>

#include "ops/args.h"

namespace monocle::cuda {

enum class LinearKernel : std::uint8_t {
  kSimple,  // any formats, float32
  kSkinny,  // bf16, few rows of x: at the speed of reading W
  kTiles,   // bf16 on the tensor cores
};

// shared_bytes: what a block may use at most.
LinearKernel choose_linear(const LinearArgs& args, std::size_t shared_bytes);

// Whether linear_skinny may compute the norm that makes its x.
bool fuses_norm(const NormArgs& norm, const LinearArgs& args, std::size_t shared_bytes);

}  // namespace monocle::cuda
