// SPDX-License-Identifier: Apache-2.0
// Whole decoder layers in one launch, on compute capability 9.0.
#pragma once

#include <cuda.h>

#include "cuda/launch.h"
#include "cuda/step_program.h"

namespace monocle::cuda {

bool run_layers_fits(const Launch& at, const StepProgram& program);
// q and what the norms yield are not written. maps: of LayerMaps.
void run_layers(const Launch& at, const StepProgram& program, const CUtensorMap* maps);

}  // namespace monocle::cuda
