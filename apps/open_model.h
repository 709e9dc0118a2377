// SPDX-License-Identifier: Apache-2.0
// A checkpoint opened for use: its files parsed, its weights loaded on a backend.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "backends.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "flags.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/generation_config.h"
#include "model/qwen3_vl/preprocess_config.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "ops/backend.h"
#include "store/checkpoint.h"
#include "text/bpe.h"

namespace monocle::app {

struct ModelOptions {
  std::string path;              // empty: the demo model
  std::string quant = "none";    // none, f32, bf16, int8, int4, fp8
  std::string compute = "auto";  // auto, f32
  std::string kv = "auto";       // auto, f32, bf16, int8
  DeviceOptions device;

  void add(Flags& app);
  [[nodiscard]] Result<qwen3_vl::WeightOptions> weights() const;
  [[nodiscard]] qwen3_vl::Precision precision() const;
  // The element type of the KV cache; `automatic` unless --kv says otherwise.
  [[nodiscard]] DType kv_dtype(DType automatic) const;
  // Gives a loaded model the KV cache that was asked for.
  [[nodiscard]] Status choose_kv(qwen3_vl::Qwen3Vl& model) const;
};

// The texts of a checkpoint that need no weights.
struct ModelFiles {
  Checkpoint checkpoint;
  qwen3_vl::Config config;
};

// A further device with its own copy of the weights.
struct Replica {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<qwen3_vl::Qwen3Vl> model;
};

struct OpenedModel {
  // Order matters: the model's views point into the mapping and into the backend's memory.
  std::unique_ptr<Checkpoint> checkpoint;
  std::unique_ptr<Backend> backend;
  qwen3_vl::Config config;
  qwen3_vl::GenerationConfig generation;
  qwen3_vl::PreprocessConfig image;
  std::optional<qwen3_vl::VideoConfig> video;  // absent when the checkpoint has no video file
  std::optional<Tokenizer> tokenizer;
  std::unique_ptr<qwen3_vl::Qwen3Vl> model;
  std::vector<Replica> others;  // open_replicas() only
};

// $MONOCLE_MODEL, else models/demo beside the program or in the current directory.
Result<std::string> default_model_path();
// Whether this is the demo model that comes with the program, however it was named.
bool is_demo_model(const std::string& path);

Result<ModelFiles> open_files(const std::string& path);
// On one device.
Result<std::unique_ptr<OpenedModel>> open_model(const ModelOptions& options);
// On every device of the options, all of them loaded side by side. before_load: the devices are
// open and nothing is on them. Where `auto` chose a GPU that is too small, the CPU takes over.
Result<std::unique_ptr<OpenedModel>> open_replicas(const ModelOptions& options,
                                                   FunctionRef<Status(OpenedModel&)> before_load);

}  // namespace monocle::app
