// SPDX-License-Identifier: Apache-2.0
// Random weights of the right shapes and a sane scale, for speed measurements of a model size
// without its checkpoint. The values mean nothing: such a model answers nonsense, as fast as a real
// one answers.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/weights.h"
#include "monocle/media.h"

namespace monocle::qwen3_vl {

// "2b", "4b", "8b", "32b": the published dense sizes; "tiny": a few layers with the real geometry.
// nullptr-like kNotFound for any other name.
Result<Config> preset_config(std::string_view name);

// A bf16 tensor whose values depend only on its name and shape.
LoadedTensor random_tensor(std::string_view name, std::span<const std::int64_t> shape,
                           ThreadPool& pool);

// A picture of noise that depends only on the grid and the seed.
Patches random_patches(const VisionConfig& vision, const GridThw& grid, std::uint64_t seed);

}  // namespace monocle::qwen3_vl
