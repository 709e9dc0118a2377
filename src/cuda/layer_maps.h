// SPDX-License-Identifier: Apache-2.0
// Tensor maps of the weights that a step program reads, in device memory: too many to be arguments
// of a kernel. They are made when a program is first seen. One thread.
#pragma once

#include <cuda.h>

#include <vector>

#include "cuda/step_program.h"

namespace monocle::cuda {

class LayerMaps {
 public:
  LayerMaps() = default;
  ~LayerMaps();
  LayerMaps(const LayerMaps&) = delete;
  LayerMaps& operator=(const LayerMaps&) = delete;

  // All the memory that it will ever use. Without it, or with more programs than there is room for,
  // find() yields null.
  void allocate();
  // [layers][kLayerMaps]
  const CUtensorMap* find(const StepProgram& program);

 private:
  CUtensorMap* memory_ = nullptr;  // [kPrograms][kMaxLayers][kLayerMaps]
  std::vector<std::vector<LayerWeights>> known_;
};

}  // namespace monocle::cuda
