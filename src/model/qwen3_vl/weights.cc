// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/weights.h"

#include <initializer_list>
#include <utility>

#include "quant/format.h"
#include "store/safetensors.h"

namespace monocle::qwen3_vl {
namespace {

using Shape = std::vector<std::int64_t>;

std::size_t view_bytes(const WeightView& view) {
  const FormatInfo& info = format_info(view.format);
  return info.data_bytes(view.rows, view.cols) + info.aux_bytes(view.rows, view.cols);
}

std::size_t linear_bytes(const LinearWeight& w) {
  std::size_t total = 0;
  for (int i = 0; i < w.parts; ++i) {
    total += view_bytes(w.part[static_cast<std::size_t>(i)]);
  }
  return total;
}

}  // namespace

WeightOptions weights_in(QuantFormat format) {
  switch (format) {
    case QuantFormat::kF32:
    case QuantFormat::kF16:
    case QuantFormat::kBF16:
      return {.text = format, .head = {}, .vision = format};
    case QuantFormat::kInt8Channel:
    case QuantFormat::kFp8Channel:
      break;
    case QuantFormat::kInt4Group:
      return {.text = format, .head = QuantFormat::kInt8Channel, .vision = QuantFormat::kBF16};
  }
  return {.text = format, .head = {}, .vision = QuantFormat::kBF16};
}

class WeightLoader {
 public:
  WeightLoader(Weights& weights, const Config& config, const WeightOptions& options,
               TensorSource source, ThreadPool& pool)
      : weights_(weights), config_(config), options_(options), source_(source), pool_(pool) {}

  Status run() {
    MONOCLE_TRY(load_vision());
    MONOCLE_TRY(load_decoder());
    count_bytes();
    return {};
  }

 private:
  Status load_vision();
  Status load_block(const std::string& prefix, VisionBlock& block);
  Status load_merger(const std::string& prefix, std::int64_t norm_size, Merger& merger);
  Status load_decoder();
  Status load_layer(const std::string& prefix, DecoderLayer& layer);
  void count_bytes();

  Result<LoadedTensor> tensor(const std::string& name, const Shape& shape);
  Status matrix(const std::string& name, const Shape& shape, std::optional<QuantFormat> format,
                WeightView& out);
  Status linear(std::initializer_list<std::pair<std::string, std::int64_t>> parts,
                std::int64_t cols, std::optional<QuantFormat> format, LinearWeight& out);
  Status vision_linear(const std::string& name, std::int64_t rows, std::int64_t cols, Linear& out);
  Status vector(const std::string& name, std::int64_t size, const float*& out);
  Result<WeightView> convert(const std::string& name, const WeightView& stored, QuantFormat format);

  Weights& weights_;
  const Config& config_;
  const WeightOptions& options_;
  TensorSource source_;
  ThreadPool& pool_;
};

Result<LoadedTensor> WeightLoader::tensor(const std::string& name, const Shape& shape) {
  MONOCLE_ASSIGN(LoadedTensor stored, source_(name, shape));
  if (stored.shape != shape) {
    return fail(ErrorCode::kInvalidArgument, "tensor {} has shape {}, the config demands {}", name,
                shape_text(stored.shape), shape_text(shape));
  }
  return stored;
}

Result<WeightView> WeightLoader::convert(const std::string& name, const WeightView& stored,
                                         QuantFormat format) {
  const FormatInfo& from = format_info(stored.format);
  const FormatInfo& to = format_info(format);
  WeightView out{nullptr, nullptr, format, stored.rows, stored.cols};
  const std::size_t data_bytes = to.data_bytes(out.rows, out.cols);
  // The aux part holds floats and the sections start on cache lines.
  const std::size_t aux_offset = (data_bytes + 63) / 64 * 64;
  Buffer& buffer = weights_.owned_.emplace_back(aux_offset + to.aux_bytes(out.rows, out.cols));
  std::byte* data = buffer.data();
  std::byte* aux = to.aux_bytes(out.rows, out.cols) > 0 ? buffer.data() + aux_offset : nullptr;
  std::vector<std::vector<float>> scratch(
      static_cast<std::size_t>(pool_.size()),
      std::vector<float>(static_cast<std::size_t>(stored.cols)));
  pool_.parallel_for(stored.rows, 64, [&](std::int64_t begin, std::int64_t end, int worker) {
    std::vector<float>& row = scratch[static_cast<std::size_t>(worker)];
    for (std::int64_t r = begin; r < end; ++r) {
      from.unpack_row(stored, r, row.data());
      to.pack_row(row.data(), r, stored.rows, stored.cols, data, aux);
    }
  });
  out.data = data;
  out.aux = aux;
  if (to.aux_valid != nullptr && !to.aux_valid(out)) {
    return fail(ErrorCode::kInvalidArgument,
                "tensor {} holds a value that is not a finite number: {} has no scale for it", name,
                to.name);
  }
  return out;
}

Status WeightLoader::matrix(const std::string& name, const Shape& shape,
                            std::optional<QuantFormat> format, WeightView& out) {
  MONOCLE_ASSIGN(LoadedTensor stored, tensor(name, shape));
  WeightView host = stored.view;
  if (format && *format != host.format) {
    MONOCLE_ASSIGN(host, convert(name, host, *format));
  } else if (stored.owned.size() > 0) {
    weights_.owned_.push_back(std::move(stored.owned));
  }
  MONOCLE_ASSIGN(out, weights_.memory_->place(host));
  weights_.total_bytes += view_bytes(out);
  return {};
}

Status WeightLoader::linear(std::initializer_list<std::pair<std::string, std::int64_t>> parts,
                            std::int64_t cols, std::optional<QuantFormat> format,
                            LinearWeight& out) {
  for (const auto& [name, rows] : parts) {
    MONOCLE_TRY(matrix(name, {rows, cols}, format, out.part[static_cast<std::size_t>(out.parts)]));
    ++out.parts;
    if (out.part[static_cast<std::size_t>(out.parts - 1)].format != out.format()) {
      return fail(
          ErrorCode::kUnsupported,
          "tensor {} is stored as {}, its siblings as {}: convert the checkpoint with one format",
          name, format_info(out.part[static_cast<std::size_t>(out.parts - 1)].format).name,
          format_info(out.format()).name);
    }
  }
  return {};
}

Status WeightLoader::vector(const std::string& name, std::int64_t size, const float*& out) {
  MONOCLE_ASSIGN(const LoadedTensor stored, tensor(name, {size}));
  // A vector is stored as `size` rows of one element; read it as one row.
  const WeightView flat{stored.view.data, stored.view.aux, stored.view.format, 1, size};
  if (flat.aux != nullptr) {
    return fail(ErrorCode::kUnsupported,
                "tensor {} is quantised as {}; norms and biases must be floats", name,
                format_info(flat.format).name);
  }
  std::vector<float> host(static_cast<std::size_t>(size));
  format_info(flat.format).unpack_row(flat, 0, host.data());
  MONOCLE_ASSIGN(void* memory, weights_.memory_->allocate(host.size() * sizeof(float)));
  weights_.vectors_.push_back(memory);
  weights_.memory_->write(memory, host.data(), host.size() * sizeof(float));
  weights_.total_bytes += host.size() * sizeof(float);
  out = static_cast<const float*>(memory);
  return {};
}

Status WeightLoader::vision_linear(const std::string& name, std::int64_t rows, std::int64_t cols,
                                   Linear& out) {
  MONOCLE_TRY(linear({{name + ".weight", rows}}, cols, options_.vision, out.w));
  return vector(name + ".bias", rows, out.bias);
}

Status WeightLoader::load_vision() {
  const VisionConfig& v = config_.vision;
  const std::string root = "model.visual.";
  VisionWeights& out = weights_.vision;
  const Shape patch_shape{v.hidden_size, v.in_channels, v.temporal_patch_size, v.patch_size,
                          v.patch_size};
  out.patch_embed.w.parts = 1;
  MONOCLE_TRY(matrix(root + "patch_embed.proj.weight", patch_shape, options_.vision,
                     out.patch_embed.w.part[0]));
  MONOCLE_TRY(vector(root + "patch_embed.proj.bias", v.hidden_size, out.patch_embed.bias));
  // The position table is read four rows a patch and never multiplied: it stays as stored.
  MONOCLE_TRY(matrix(root + "pos_embed.weight", {v.num_position_embeddings, v.hidden_size},
                     std::nullopt, out.pos_embed));
  for (std::int32_t i = 0; i < v.depth; ++i) {
    MONOCLE_TRY(load_block(fmt::format("{}blocks.{}.", root, i), out.blocks.emplace_back()));
  }
  const std::int64_t joined =
      std::int64_t{v.hidden_size} * v.spatial_merge_size * v.spatial_merge_size;
  MONOCLE_TRY(load_merger(root + "merger.", v.hidden_size, out.merger));
  for (std::size_t i = 0; i < v.deepstack_visual_indexes.size(); ++i) {
    MONOCLE_TRY(load_merger(fmt::format("{}deepstack_merger_list.{}.", root, i), joined,
                            out.deepstack.emplace_back()));
  }
  return {};
}

Status WeightLoader::load_block(const std::string& prefix, VisionBlock& block) {
  const VisionConfig& v = config_.vision;
  MONOCLE_TRY(vector(prefix + "norm1.weight", v.hidden_size, block.norm1.weight));
  MONOCLE_TRY(vector(prefix + "norm1.bias", v.hidden_size, block.norm1.bias));
  MONOCLE_TRY(vision_linear(prefix + "attn.qkv", std::int64_t{3} * v.hidden_size, v.hidden_size,
                            block.qkv));
  MONOCLE_TRY(vision_linear(prefix + "attn.proj", v.hidden_size, v.hidden_size, block.proj));
  MONOCLE_TRY(vector(prefix + "norm2.weight", v.hidden_size, block.norm2.weight));
  MONOCLE_TRY(vector(prefix + "norm2.bias", v.hidden_size, block.norm2.bias));
  MONOCLE_TRY(
      vision_linear(prefix + "mlp.linear_fc1", v.intermediate_size, v.hidden_size, block.fc1));
  return vision_linear(prefix + "mlp.linear_fc2", v.hidden_size, v.intermediate_size, block.fc2);
}

Status WeightLoader::load_merger(const std::string& prefix, std::int64_t norm_size,
                                 Merger& merger) {
  const VisionConfig& v = config_.vision;
  const std::int64_t joined =
      std::int64_t{v.hidden_size} * v.spatial_merge_size * v.spatial_merge_size;
  MONOCLE_TRY(vector(prefix + "norm.weight", norm_size, merger.norm.weight));
  MONOCLE_TRY(vector(prefix + "norm.bias", norm_size, merger.norm.bias));
  MONOCLE_TRY(vision_linear(prefix + "linear_fc1", joined, joined, merger.fc1));
  return vision_linear(prefix + "linear_fc2", v.out_hidden_size, joined, merger.fc2);
}

Status WeightLoader::load_decoder() {
  const TextConfig& t = config_.text;
  const std::string root = "model.language_model.";
  DecoderWeights& out = weights_.decoder;
  const std::optional<QuantFormat> head = options_.head ? options_.head : options_.text;
  MONOCLE_TRY(matrix(root + "embed_tokens.weight", {t.vocab_size, t.hidden_size}, head, out.embed));
  for (std::int32_t i = 0; i < t.num_hidden_layers; ++i) {
    MONOCLE_TRY(load_layer(fmt::format("{}layers.{}.", root, i), out.layers.emplace_back()));
  }
  MONOCLE_TRY(vector(root + "norm.weight", t.hidden_size, out.norm.weight));
  out.head.parts = 1;
  if (config_.tie_word_embeddings) {
    out.head.part[0] = out.embed;
    return {};
  }
  return matrix("lm_head.weight", {t.vocab_size, t.hidden_size}, head, out.head.part[0]);
}

Status WeightLoader::load_layer(const std::string& prefix, DecoderLayer& layer) {
  const TextConfig& t = config_.text;
  const std::string attn = prefix + "self_attn.";
  const std::string mlp = prefix + "mlp.";
  MONOCLE_TRY(vector(prefix + "input_layernorm.weight", t.hidden_size, layer.input_norm.weight));
  MONOCLE_TRY(linear({{attn + "q_proj.weight", t.q_dim()},
                      {attn + "k_proj.weight", t.kv_dim()},
                      {attn + "v_proj.weight", t.kv_dim()}},
                     t.hidden_size, options_.text, layer.qkv));
  MONOCLE_TRY(vector(attn + "q_norm.weight", t.head_dim, layer.q_norm.weight));
  MONOCLE_TRY(vector(attn + "k_norm.weight", t.head_dim, layer.k_norm.weight));
  MONOCLE_TRY(linear({{attn + "o_proj.weight", t.hidden_size}}, t.q_dim(), options_.text, layer.o));
  MONOCLE_TRY(
      vector(prefix + "post_attention_layernorm.weight", t.hidden_size, layer.post_norm.weight));
  MONOCLE_TRY(linear({{mlp + "gate_proj.weight", t.intermediate_size},
                      {mlp + "up_proj.weight", t.intermediate_size}},
                     t.hidden_size, options_.text, layer.gate_up));
  return linear({{mlp + "down_proj.weight", t.hidden_size}}, t.intermediate_size, options_.text,
                layer.down);
}

void WeightLoader::count_bytes() {
  std::size_t bytes = linear_bytes(weights_.decoder.head);
  for (const DecoderLayer& layer : weights_.decoder.layers) {
    bytes += linear_bytes(layer.qkv) + linear_bytes(layer.o) + linear_bytes(layer.gate_up) +
             linear_bytes(layer.down);
  }
  weights_.decode_bytes = bytes;
}

Result<std::unique_ptr<Weights>> Weights::load(const Config& config, const WeightOptions& options,
                                               TensorSource source, Memory& memory,
                                               ThreadPool& pool) {
  std::unique_ptr<Weights> weights(new Weights(memory));
  MONOCLE_TRY(WeightLoader(*weights, config, options, source, pool).run());
  return weights;
}

Weights::~Weights() {
  for (void* vector : vectors_) {
    memory_->release(vector);
  }
}

}  // namespace monocle::qwen3_vl
