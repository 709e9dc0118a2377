// SPDX-License-Identifier: Apache-2.0
// A subcommand: adds its flags to a CLI11 app and returns what to run once they are parsed.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace monocle::app {

// Runs the command; the result is the exit code.
using Action = std::function<int()>;

Action add_ask(CLI::App& app);
Action add_bench(CLI::App& app);
Action add_doctor(CLI::App& app);
Action add_healthcheck(CLI::App& app);
Action add_inspect(CLI::App& app);
Action add_quantize(CLI::App& app);
Action add_serve(CLI::App& app);
Action add_trace(CLI::App& app);

}  // namespace monocle::app
