// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/tensor_list.h"

#include <fmt/format.h>

#include <utility>

namespace monocle::qwen3_vl {
namespace {

class ListBuilder {
 public:
  std::vector<TensorSpec> list;

  void add(std::string name, std::vector<std::int64_t> shape, TensorKind kind) {
    list.push_back({std::move(name), std::move(shape), kind});
  }
  void vision_linear(const std::string& prefix, std::vector<std::int64_t> shape) {
    const std::int64_t outputs = shape.front();
    add(prefix + ".weight", std::move(shape), TensorKind::kVisionLinear);
    add(prefix + ".bias", {outputs}, TensorKind::kVisionVector);
  }
  void vision_norm(const std::string& prefix, std::int64_t size) {
    add(prefix + ".weight", {size}, TensorKind::kVisionVector);
    add(prefix + ".bias", {size}, TensorKind::kVisionVector);
  }
  // `norm_size` differs: the main merger normalises patches, the others their 2x2 blocks.
  void merger(const std::string& prefix, const VisionConfig& v, std::int64_t norm_size) {
    const std::int64_t joined =
        std::int64_t{v.hidden_size} * v.spatial_merge_size * v.spatial_merge_size;
    vision_norm(prefix + ".norm", norm_size);
    vision_linear(prefix + ".linear_fc1", {joined, joined});
    vision_linear(prefix + ".linear_fc2", {v.out_hidden_size, joined});
  }
};

void add_vision(ListBuilder& out, const VisionConfig& v) {
  const std::int64_t hidden = v.hidden_size;
  out.vision_linear("model.visual.patch_embed.proj",
                    {hidden, v.in_channels, v.temporal_patch_size, v.patch_size, v.patch_size});
  out.add("model.visual.pos_embed.weight", {v.num_position_embeddings, hidden},
          TensorKind::kVisionTable);
  for (std::int32_t b = 0; b < v.depth; ++b) {
    const std::string prefix = fmt::format("model.visual.blocks.{}", b);
    out.vision_norm(prefix + ".norm1", hidden);
    out.vision_linear(prefix + ".attn.qkv", {3 * hidden, hidden});
    out.vision_linear(prefix + ".attn.proj", {hidden, hidden});
    out.vision_norm(prefix + ".norm2", hidden);
    out.vision_linear(prefix + ".mlp.linear_fc1", {v.intermediate_size, hidden});
    out.vision_linear(prefix + ".mlp.linear_fc2", {hidden, v.intermediate_size});
  }
  out.merger("model.visual.merger", v, hidden);
  for (std::size_t d = 0; d < v.deepstack_visual_indexes.size(); ++d) {
    out.merger(fmt::format("model.visual.deepstack_merger_list.{}", d), v,
               hidden * v.spatial_merge_size * v.spatial_merge_size);
  }
}

void add_layer(ListBuilder& out, const TextConfig& t, std::int32_t layer) {
  const std::int64_t hidden = t.hidden_size;
  const std::int64_t inner = t.intermediate_size;
  const std::string prefix = fmt::format("model.language_model.layers.{}.", layer);
  const auto linear = [&](const char* name, std::int64_t outputs, std::int64_t inputs) {
    out.add(prefix + name + ".weight", {outputs, inputs}, TensorKind::kTextLinear);
  };
  const auto norm = [&](const char* name, std::int64_t size) {
    out.add(prefix + name + ".weight", {size}, TensorKind::kTextNorm);
  };
  norm("input_layernorm", hidden);
  linear("self_attn.q_proj", t.q_dim(), hidden);
  linear("self_attn.k_proj", t.kv_dim(), hidden);
  linear("self_attn.v_proj", t.kv_dim(), hidden);
  norm("self_attn.q_norm", t.head_dim);
  norm("self_attn.k_norm", t.head_dim);
  linear("self_attn.o_proj", hidden, t.q_dim());
  norm("post_attention_layernorm", hidden);
  linear("mlp.gate_proj", inner, hidden);
  linear("mlp.up_proj", inner, hidden);
  linear("mlp.down_proj", hidden, inner);
}

}  // namespace

std::int64_t TensorSpec::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) {
    count *= size;
  }
  return count;
}

std::vector<TensorSpec> tensor_list(const Config& config) {
  ListBuilder out;
  add_vision(out, config.vision);
  const std::int64_t vocab = config.text.vocab_size;
  const std::int64_t hidden = config.text.hidden_size;
  out.add("model.language_model.embed_tokens.weight", {vocab, hidden}, TensorKind::kEmbedding);
  for (std::int32_t layer = 0; layer < config.text.num_hidden_layers; ++layer) {
    add_layer(out, config.text, layer);
  }
  out.add("model.language_model.norm.weight", {hidden}, TensorKind::kTextNorm);
  if (!config.tie_word_embeddings) {
    out.add("lm_head.weight", {vocab, hidden}, TensorKind::kHead);
  }
  return std::move(out.list);
}

}  // namespace monocle::qwen3_vl
