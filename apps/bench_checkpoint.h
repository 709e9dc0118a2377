// SPDX-License-Identifier: Apache-2.0
// Writes a checkpoint of random weights in a published shape, so that loading and serving can be
// measured without one. Its answers mean nothing.
#pragma once

#include <CLI/CLI.hpp>

#include "command.h"

namespace monocle::app {

// `app` is the subcommand itself.
Action add_bench_checkpoint(CLI::App& app);

}  // namespace monocle::app
