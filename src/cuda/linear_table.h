// SPDX-License-Identifier: Apache-2.0
// Which kernel runs a linear(): a pure host function of its arguments, so that a test without a GPU
// can read it.
#pragma once

#include <cstdint>

#include "cuda/batch_plan.h"
#include "cuda/stream_plan.h"
#include "ops/args.h"

namespace monocle::cuda {

enum class LinearKernel : std::uint8_t {
  kSimple,  // any formats, float32
  kStream,  // bf16, int8 and fp8, up to 64 rows of x: at the speed of reading W
  kSlices,  // int8 and fp8, more rows where kSm90 is not: kStream for some of them at a time
  kBatch,   // bf16, 17 to 64 rows on compute capability 9.0: likewise
  kTiles,   // bf16 on the tensor cores
  kSm90,    // many rows, bf16, float32 x, int8 and fp8 W on the tensor cores of compute
            // capability 9.0
};

struct LinearDevice {
  StreamDevice stream;
  bool sm90 = false;             // the code and the driver for kSm90 are there
  BatchDevice batch{};           // for kBatch
  bool batch_invariant = false;  // the kernel may not depend on the number of rows
};
LinearKernel choose_linear(const LinearArgs& args, const LinearDevice& device);

// kSlices: of how many rows of x at a time; 0: it does not fit.
std::int64_t linear_slice(const LinearArgs& args, const StreamDevice& device);
// Rows [begin, end) of x, y and the residual.
LinearArgs linear_rows(const LinearArgs& args, std::int64_t begin, std::int64_t end);

// Whether linear_stream may compute the norm that makes its x.
bool fuses_norm(const NormArgs& norm, const LinearArgs& args, const LinearDevice& device);

// linear_sm90: how many rows of W a tile takes (64, 128, 192 or 256), and into how many parts the
// sum over the columns of x is split. With `batch_invariant` both depend on W alone.
struct Sm90Tiling {
  int rows = 0;
  int splits = 1;
};
Sm90Tiling linear_sm90_tiling(const LinearArgs& args, int multiprocessors,
                              bool batch_invariant = false);
// How many tiles cover W.
std::int64_t linear_sm90_columns(const LinearArgs& args, int tile);

}  // namespace monocle::cuda
