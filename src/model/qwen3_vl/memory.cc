// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/memory.h"

#include <optional>

#include "model/qwen3_vl/decoder.h"
#include "model/qwen3_vl/tensor_list.h"
#include "model/qwen3_vl/vision.h"
#include "model/qwen3_vl/workspace.h"
#include "quant/format.h"
#include "store/checkpoint.h"

namespace monocle::qwen3_vl {
namespace {

// The format in memory of a matrix, as Weights chooses it; nullopt for vectors, which are float32.
std::optional<QuantFormat> placed_format(TensorKind kind, QuantFormat stored,
                                         const WeightOptions& options) {
  switch (kind) {
    case TensorKind::kEmbedding:
    case TensorKind::kHead:
      return options.head.value_or(options.text.value_or(stored));
    case TensorKind::kTextLinear:
      return options.text.value_or(stored);
    case TensorKind::kVisionLinear:
      return options.vision.value_or(stored);
    case TensorKind::kVisionTable:
      return stored;
    case TensorKind::kTextNorm:
    case TensorKind::kVisionVector:
      return std::nullopt;
  }
  return stored;
}

}  // namespace

Result<LoadPlan> plan_load(const Config& config, const WeightOptions& options, Precision precision,
                           FormatSource stored, Backend& backend) {
  const std::size_t granule = backend.memory().info().granule;
  const auto rounded = [&](std::size_t bytes) {
    return bytes == 0 ? 0 : (bytes + granule - 1) / granule * granule;
  };
  LoadPlan plan{.facts = model_facts(config)};
  bool wide = precision == Precision::kF32;
  for (const TensorSpec& spec : tensor_list(config)) {
    MONOCLE_ASSIGN(const QuantFormat format, stored(spec.name));
    std::optional<QuantFormat> placed = placed_format(spec.kind, format, options);
    if (!placed) {
      plan.memory += rounded(static_cast<std::size_t>(spec.elements()) * sizeof(float));
      continue;
    }
    if (*placed == QuantFormat::kInt4Group && !backend.capabilities().int4) {
      placed = QuantFormat::kInt8Channel;
    }
    const auto [rows, cols] = matrix_shape(spec.shape);
    const FormatInfo& info = format_info(*placed);
    plan.memory += rounded(info.data_bytes(rows, cols)) + rounded(info.aux_bytes(rows, cols));
    wide = wide || (spec.kind == TensorKind::kTextLinear && *placed == QuantFormat::kF32);
  }
  plan.memory += rounded(rope_table_bytes(config));
  plan.activation = wide ? DType::kF32 : backend.capabilities().activation;
  plan.kv = wide ? DType::kF32 : backend.capabilities().kv;
  return plan;
}

std::size_t workspace_bytes(const Config& config, DType activation, const PlanLimits& limits,
                            Backend& backend) {
  Workspace workspace(backend.memory());
  const VisionWeights vision;
  const DecoderWeights text;
  VisionTower(config, vision, nullptr, backend, activation).plan(workspace, limits.patches);
  Decoder(config, text, {}, backend, activation).plan(workspace, limits);
  return workspace.bytes();
}

}  // namespace monocle::qwen3_vl
