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
  // [layers][kLayerMaps], and behind them the head's
  const CUtensorMap* find(const StepProgram& program);

 private:
  struct Weights {
    std::vector<LayerWeights> layers;
    const std::uint8_t* head;
  };
  CUtensorMap* memory_ = nullptr;
  std::vector<Weights> known_;
};

}  // namespace monocle::cuda
