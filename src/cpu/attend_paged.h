// SPDX-License-Identifier: Apache-2.0
// The verb attend_paged on the CPU. Chunks of two queries or more go through query tiles, threads
// over (sequence, kv head, tiles); single queries are split over (sequence, kv head, 256 keys) and
// combined in the order of the splits. Computes in bf16 where q and the cache are bf16 and the
// instruction set has bf16 products. The result does not depend on the number of threads.
#pragma once

#include "cpu/context.h"
#include "ops/args.h"

namespace monocle::cpu {

void attend_paged(Context& context, const AttendPagedArgs& args);

}  // namespace monocle::cpu
