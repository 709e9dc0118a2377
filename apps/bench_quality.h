// SPDX-License-Identifier: Apache-2.0
// `monocle bench quality`: how right a model's answers to a case set are, for any server of the
// OpenAI API or for a model that is loaded here.
#pragma once

#include "command.h"
#include "flags.h"

namespace monocle::app {

// `app` is the subcommand itself.
Action add_bench_quality(Flags& app);

}  // namespace monocle::app
