// SPDX-License-Identifier: Apache-2.0
// The verb norm on the CPU: a row is one worker's, so the result does not depend on the number of
// threads.
#pragma once

#include "cpu/context.h"
#include "ops/args.h"

namespace monocle::cpu {

void norm(Context& context, const NormArgs& args);

}  // namespace monocle::cpu
