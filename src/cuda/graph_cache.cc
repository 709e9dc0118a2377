// SPDX-License-Identifier: Apache-2.0
#include "cuda/graph_cache.h"

#include "cuda/check.h"

namespace monocle::cuda {

GraphCache::~GraphCache() {
  for (const auto& [key, graph] : graphs_) {
    if (graph != nullptr) {
      cudaGraphExecDestroy(graph);
    }
  }
}

void GraphCache::replay(cudaStream_t stream, GraphKey key, FunctionRef<void()> enqueue) {
  const auto [entry, is_new] = graphs_.try_emplace(key, nullptr);
  if (is_new || (entry->second == nullptr && full_)) {
    enqueue();
    return;
  }
  if (entry->second == nullptr) {
    cudaGraph_t graph = nullptr;
    MONOCLE_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    enqueue();
    MONOCLE_CUDA_CHECK(cudaStreamEndCapture(stream, &graph));
    const cudaError_t error = cudaGraphInstantiate(&entry->second, graph, 0);
    cudaGraphDestroy(graph);
    if (error == cudaErrorMemoryAllocation) {
      cudaGetLastError();  // not sticky: what is recorded stays, the rest runs as it comes
      full_ = true;
      entry->second = nullptr;
      enqueue();
      return;
    }
    check(error, "cudaGraphInstantiate");
  }
  MONOCLE_CUDA_CHECK(cudaGraphLaunch(entry->second, stream));
}

}  // namespace monocle::cuda
