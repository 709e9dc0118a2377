// SPDX-License-Identifier: Apache-2.0
// Qwen3-VL behind the Model interface: owns weights, rope tables, tower, decoder and their
// workspace.
#pragma once

#include <memory>

#include "base/result.h"
#include "model/model.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/decoder.h"
#include "model/qwen3_vl/rope_tables.h"
#include "model/qwen3_vl/vision.h"
#include "model/qwen3_vl/weights.h"
#include "model/qwen3_vl/workspace.h"

namespace monocle::qwen3_vl {

enum class Precision : std::uint8_t {
  kAuto,  // f32 for f32 weights, else what the backend computes fastest in
  kF32,   // activations in f32 whatever the weights: parity runs
};

// What the configuration alone says: all but the bytes of the weights.
ModelFacts model_facts(const Config& config);
// Of the one allocation that holds the rotary tables.
std::size_t rope_table_bytes(const Config& config);

class Qwen3Vl final : public Model {
 public:
  // The backend must outlive the model; source and pool are used during the call only.
  static Result<std::unique_ptr<Qwen3Vl>> load(const Config& config, const WeightOptions& options,
                                               Precision precision, TensorSource source,
                                               Backend& backend, ThreadPool& pool);
  ~Qwen3Vl() override;

  [[nodiscard]] const ModelFacts& facts() const override { return facts_; }
  Status plan(const PlanLimits& limits) override;
  [[nodiscard]] std::size_t workspace_bytes() const override { return workspace_.bytes(); }
  Status encode_layers(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                       LayerRange layers, const TraceSink* trace) override;
  void forward(const StepInputs& step, std::span<const KvView> kv, const StepOutputs& out,
               const TraceSink* trace) override;

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const TextRope& rope() const { return rope_; }
  [[nodiscard]] DType activation() const { return activation_; }
  // What the KV cache should hold: f32 where the model computes in f32 on purpose, else what the
  // backend prefers, unless use_kv() said otherwise.
  [[nodiscard]] DType kv() const { return kv_; }
  // f32, bf16 or i8; kUnsupported names a backend that does not know it.
  Status use_kv(DType dtype);

 private:
  Qwen3Vl(const Config& config, Backend& backend)
      : config_(config), backend_(backend), workspace_(backend.memory()) {}
  Status place_rope_tables();

  Config config_;
  Backend& backend_;
  ModelFacts facts_;
  TextRope rope_;  // host
  DType activation_ = DType::kF32;
  DType kv_ = DType::kF32;
  std::unique_ptr<Weights> weights_;
  void* rope_memory_ = nullptr;
  Workspace workspace_;
  std::unique_ptr<VisionTower> tower_;
  std::unique_ptr<Decoder> decoder_;
};

}  // namespace monocle::qwen3_vl
