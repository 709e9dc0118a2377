// SPDX-License-Identifier: Apache-2.0
// The verb attend_packed on the CPU: threads over (head, segment, query tiles), memory O(patches).
// Computes in bf16 where the output is bf16 and the instruction set has bf16 products, in f32
// otherwise. The result does not depend on the number of threads.
#pragma once

#include "cpu/context.h"
#include "ops/args.h"

namespace monocle::cpu {

void attend_packed(Context& context, const AttendPackedArgs& args);

}  // namespace monocle::cpu
