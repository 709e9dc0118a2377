// SPDX-License-Identifier: Apache-2.0
// A subcommand: adds its flags and returns what to run once they are parsed.
#pragma once

#include <functional>

#include "flags.h"

namespace monocle::app {

// Runs the command; the result is the exit code.
using Action = std::function<int()>;

Action add_ask(Flags& app);
Action add_bench(Flags& app);
Action add_doctor(Flags& app);
Action add_healthcheck(Flags& app);
Action add_inspect(Flags& app);
Action add_quantize(Flags& app);
Action add_serve(Flags& app);
Action add_trace(Flags& app);

}  // namespace monocle::app
