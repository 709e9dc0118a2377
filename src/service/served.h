// SPDX-License-Identifier: Apache-2.0
// The facts of what is served: filled once at start, read by any thread. The pointers outlive the
// service.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/model.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/generation_config.h"
#include "model/qwen3_vl/preprocess_config.h"
#include "service/patch_store.h"
#include "text/bpe.h"

namespace monocle::service {

struct Served {
  std::vector<std::string> names;  // what clients may call it; the first is the one we report
  std::string root;                // the checkpoint's folder or file name
  bool demo = false;               // the small model that is served when none is given
  std::string version;             // of this program
  std::string fingerprint;         // of program and weights: system_fingerprint
  std::string device;              // "cpu avx512, 2 threads"
  std::int64_t created = 0;        // seconds since 1970

  const qwen3_vl::Config* config = nullptr;
  const qwen3_vl::GenerationConfig* generation = nullptr;
  const qwen3_vl::PreprocessConfig* image = nullptr;
  const qwen3_vl::VideoConfig* video = nullptr;  // absent: the checkpoint takes no videos
  const Tokenizer* tokenizer = nullptr;
  std::shared_ptr<PatchStore> patches;  // memory for pictures on their way to the engine
  ModelFacts facts;

  EngineLimits limits;              // what the engine was made with
  std::size_t kv_token_bytes = 0;   // keys and values of one token, all layers
  std::int32_t max_image_side = 0;  // longer side of a picture before the model, 0 = as it is
  std::int64_t default_tokens =
      0;  // max_tokens of requests without one, 0 = what the context leaves

  [[nodiscard]] std::int64_t context_tokens() const { return limits.context_tokens; }
};

}  // namespace monocle::service
