// SPDX-License-Identifier: Apache-2.0
// Every tensor a configuration demands: published name, shape and role. What quantise, inspect and
// the tests need to know about a checkpoint without loading it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/qwen3_vl/config.h"

namespace monocle::qwen3_vl {

enum class TensorKind : std::uint8_t {
  kEmbedding,     // [vocab, hidden], also the head when tied
  kHead,          // [vocab, hidden], only when not tied
  kTextLinear,    // [outputs, inputs] of the decoder
  kTextNorm,      // vectors of the decoder
  kVisionLinear,  // [outputs, inputs] of tower and mergers, and the patch embedding
  kVisionTable,   // position embeddings
  kVisionVector,  // norms and biases of tower and mergers
};

struct TensorSpec {
  std::string name;
  std::vector<std::int64_t> shape;
  TensorKind kind = TensorKind::kTextLinear;

  [[nodiscard]] std::int64_t elements() const;
};

// In the order of a forward pass: vision first, then text.
std::vector<TensorSpec> tensor_list(const Config& config);

}  // namespace monocle::qwen3_vl
