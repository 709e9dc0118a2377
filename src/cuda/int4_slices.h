// SPDX-License-Identifier: Apache-2.0
// A linear() over 4-bit groups as one or several over int8 rows, where no kernel reads the groups:
// as many rows of W as there is room for are written out, used, and overwritten by the next. A pure
// host function, so that a test without a GPU can read it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/function_ref.h"
#include "ops/args.h"

namespace monocle::cuda {

struct Int8Room {
  std::int8_t* data = nullptr;  // 256-byte aligned
  std::size_t bytes = 0;
};

// Calls `expand` for some rows of int4 weights (device tiles) and where their int8 rows go, then
// `run` with what uses them, until all of `args` has been run.
void for_int8_slices(const LinearArgs& args, const Int8Room& room,
                     FunctionRef<void(const WeightView&, std::int8_t*)> expand,
                     FunctionRef<void(const LinearArgs&)> run);

}  // namespace monocle::cuda
