// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint of random weights in a published shape, so that loading and serving can be
// measured without one. Its answers mean nothing.
#pragma once

#include "command.h"
#include "flags.h"

namespace monocle::app {

// `app` is the subcommand itself.
Action add_bench_checkpoint(Flags& app);

}  // namespace monocle::app
