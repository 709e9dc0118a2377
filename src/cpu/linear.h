// SPDX-License-Identifier: Apache-2.0
// y = epilogue(x Wᵀ + bias) + residual on the CPU. Two families of kernels share the epilogue:
//
//   dot   kernels/linear_dot-inl.h: every sum is a dot product of a row of W and a row of x, both
//         read as they lie. All tiers, all row counts; for few rows it streams W.
//   amx   kernels/linear_amx-inl.h: tiles of W times tiles of xᵀ.
//
// What a row of y holds depends on that row of x, on W and on the kernel only: not on the number of
// threads, not on how rows of W are shared out, and within one kernel not on the other rows of x.
#pragma once

#include "cpu/context.h"
#include "ops/args.h"

namespace monocle::cpu {

using LinearFunction = void (*)(const LinearArgs& args, Context& context);

// Looks the kernel up in linear_table.h and runs it. The arguments have been validated.
void linear(const LinearArgs& args, Context& context);

}  // namespace monocle::cpu
