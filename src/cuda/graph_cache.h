// SPDX-License-Identifier: Apache-2.0
// Recorded sequences of launches by key. A key runs directly the first time, which loads its
// kernels, is recorded the second time and replayed from then on, until the device's memory is
// full. One thread.
#pragma once

#include <cuda_runtime_api.h>

#include <unordered_map>

#include "base/function_ref.h"
#include "ops/backend.h"

namespace monocle::cuda {

class GraphCache {
 public:
  GraphCache() = default;
  ~GraphCache();
  GraphCache(const GraphCache&) = delete;
  GraphCache& operator=(const GraphCache&) = delete;

  void replay(cudaStream_t stream, GraphKey key, FunctionRef<void()> enqueue);

 private:
  std::unordered_map<GraphKey, cudaGraphExec_t> graphs_;  // null: not recorded
  bool full_ = false;                                     // no memory for further recordings
};

}  // namespace monocle::cuda
