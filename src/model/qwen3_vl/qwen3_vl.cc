// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/qwen3_vl.h"

namespace monocle::qwen3_vl {
namespace {

// f32 weights ask for f32 arithmetic; anything narrower gains nothing from it.
bool wants_f32(Precision precision, const Weights& weights) {
  return precision == Precision::kF32 ||
         weights.decoder.layers.front().qkv.format() == QuantFormat::kF32;
}

}  // namespace

ModelFacts model_facts(const Config& config) {
  const TextConfig& t = config.text;
  return {
      .architecture = "Qwen3VLForConditionalGeneration",
      .vocab = t.vocab_size,
      .hidden = t.hidden_size,
      .layers = t.num_hidden_layers,
      .kv_heads = t.num_key_value_heads,
      .head_dim = t.head_dim,
      .deepstack_levels = static_cast<std::int32_t>(config.vision.deepstack_visual_indexes.size()),
      .vision_layers = config.vision.depth,
      .max_positions = t.max_position_embeddings};
}

std::size_t rope_table_bytes(const Config& config) {
  const TextRope rope = text_rope(config.text);
  return (rope.inv_freq.size() + vision_inv_freq(config.vision).size()) * sizeof(float) +
         rope.axis.size();
}

Result<std::unique_ptr<Qwen3Vl>> Qwen3Vl::load(const Config& config, const WeightOptions& options,
                                               Precision precision, TensorSource source,
                                               Backend& backend, ThreadPool& pool) {
  std::unique_ptr<Qwen3Vl> model(new Qwen3Vl(config, backend));
  MONOCLE_ASSIGN(model->weights_,
                 Weights::load(model->config_, options, source, backend.memory(), pool));
  const bool wide = wants_f32(precision, *model->weights_);
  model->activation_ = wide ? DType::kF32 : backend.capabilities().activation;
  model->kv_ = wide ? DType::kF32 : backend.capabilities().kv;
  MONOCLE_TRY(model->place_rope_tables());
  model->facts_ = model_facts(config);
  model->facts_.weight_bytes = model->weights_->total_bytes;
  model->facts_.decode_weight_bytes = model->weights_->decode_bytes;
  const DecoderLayer& layer = model->weights_->decoder.layers.front();
  model->facts_.text_format = format_info(layer.down.format()).name;
  return model;
}

Qwen3Vl::~Qwen3Vl() {
  if (rope_memory_ != nullptr) {
    backend_.memory().release(rope_memory_);
  }
}

Status Qwen3Vl::use_kv(DType dtype) {
  if (dtype == DType::kI8 && !backend_.capabilities().int8_kv) {
    return fail(ErrorCode::kUnsupported, "{} has no KV cache of int8",
                backend_.capabilities().name);
  }
  kv_ = dtype;
  return {};
}

// One allocation: text frequencies, vision frequencies, channel axes.
Status Qwen3Vl::place_rope_tables() {
  rope_ = text_rope(config_.text);
  const std::vector<float> vision = vision_inv_freq(config_.vision);
  const std::size_t text_bytes = rope_.inv_freq.size() * sizeof(float);
  const std::size_t vision_bytes = vision.size() * sizeof(float);
  Memory& memory = backend_.memory();
  MONOCLE_ASSIGN(rope_memory_, memory.allocate(rope_table_bytes(config_)));
  auto* base = static_cast<std::byte*>(rope_memory_);
  memory.write(base, rope_.inv_freq.data(), text_bytes);
  memory.write(base + text_bytes, vision.data(), vision_bytes);
  memory.write(base + text_bytes + vision_bytes, rope_.axis.data(), rope_.axis.size());
  const auto floats_at = [&](std::size_t offset) {
    return static_cast<const float*>(static_cast<const void*>(base + offset));
  };
  const RopeTable table{.inv_freq = floats_at(0),
                        .axis = static_cast<const std::uint8_t*>(
                            static_cast<const void*>(base + text_bytes + vision_bytes)),
                        .scale = rope_.scale};
  tower_ = std::make_unique<VisionTower>(config_, weights_->vision, floats_at(text_bytes), backend_,
                                         activation_);
  decoder_ = std::make_unique<Decoder>(config_, weights_->decoder, table, backend_, activation_);
  return {};
}

Status Qwen3Vl::plan(const PlanLimits& limits) {
  tower_->plan(workspace_, limits.patches);
  decoder_->plan(workspace_, limits);
  return workspace_.commit();
}

Status Qwen3Vl::encode_layers(const Patches& patches, MediaRows& pool, std::int64_t first_row,
                              LayerRange layers, const TraceSink* trace) {
  if (patches.grid.patches() > tower_->max_patches()) {
    return fail(ErrorCode::kTooLarge, "a picture of {} patches exceeds the planned {}",
                patches.grid.patches(), tower_->max_patches());
  }
  tower_->encode({patches, pool, first_row}, layers, workspace_, trace);
  return {};
}

void Qwen3Vl::forward(const StepInputs& step, std::span<const KvView> kv, const StepOutputs& out,
                      const TraceSink* trace) {
  decoder_->forward(step, kv, workspace_, out, trace);
}

}  // namespace monocle::qwen3_vl
