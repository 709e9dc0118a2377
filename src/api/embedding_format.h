// SPDX-License-Identifier: Apache-2.0
// Replies of /v1/embeddings. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/types.h"

namespace monocle::api {

struct EmbeddingForm {
  std::string model;
  std::optional<std::int64_t> dimensions;  // the first ones; absent: all
  bool base64 = false;                     // float32, little endian
};

// The first `dimensions` values of a state, scaled to length one. Nothing: the state has no
// direction, because it is zero or not a number.
std::optional<std::vector<float>> unit_embedding(std::span<const float> state,
                                                 std::optional<std::int64_t> dimensions);

// `embeddings`: one per input, in the order of the inputs.
std::string format_embeddings(const EmbeddingForm& form,
                              std::span<const std::vector<float>> embeddings, const Usage& usage);

}  // namespace monocle::api
