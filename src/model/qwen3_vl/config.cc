// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/config.h"

#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <string>
#include <utility>

#include "model/qwen3_vl/config_fields.h"
#include "model/qwen3_vl/tensor_list.h"
#include "store/json_text.h"

namespace monocle::qwen3_vl {
namespace {

using Json = nlohmann::json;
using namespace std::string_view_literals;

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
// Several times the largest dense model of the family, each.
constexpr std::int32_t kMaxVocab = 1 << 21;
constexpr std::int32_t kMaxHidden = 1 << 15;
constexpr std::int32_t kMaxIntermediate = 1 << 18;
constexpr std::int32_t kMaxLayers = 256;
constexpr std::int32_t kMaxHeads = 512;
constexpr std::int32_t kMaxHeadDim = 512;
constexpr std::int64_t kMaxPositions = std::int64_t{1}
                                       << 24;  // float32 counts positions exactly up to here
constexpr std::int32_t kMaxPositionEmbeddings = 1 << 20;
constexpr std::int32_t kMaxDeepstack = 16;
constexpr std::int64_t kMaxParameters = 200'000'000'000;

// Training, bookkeeping, and the generation defaults that older files repeat in every sub-config.
constexpr std::array kNoEffect{"model_type"sv,
                               "initializer_range"sv,
                               "use_cache"sv,
                               "attention_dropout"sv,
                               "pad_token_id"sv,
                               "bos_token_id"sv,
                               "eos_token_id"sv,
                               "dtype"sv,
                               "torch_dtype"sv,
                               "transformers_version"sv,
                               "_name_or_path"sv,
                               "architectures"sv,
                               "tie_word_embeddings"sv,
                               "return_dict"sv,
                               "max_length"sv,
                               "num_beams"sv,
                               "num_beam_groups"sv,
                               "temperature"sv,
                               "top_k"sv,
                               "top_p"sv,
                               "typical_p"sv,
                               "repetition_penalty"sv,
                               "length_penalty"sv,
                               "num_return_sequences"sv,
                               "id2label"sv,
                               "label2id"sv,
                               "_attn_implementation_autoset"sv};

Yarn parse_yarn(ConfigFields& rope) {
  Yarn yarn;
  yarn.factor = rope.number("factor", 1.0, 1024.0);
  yarn.original_max_position_embeddings =
      rope.integer("original_max_position_embeddings", 1, kMaxPositions);
  // The reference treats an absent beta or truncate as these values; so does every published
  // recipe.
  yarn.beta_fast = rope.optional_number("beta_fast", 1e-3, 1e6).value_or(yarn.beta_fast);
  yarn.beta_slow = rope.optional_number("beta_slow", 1e-3, 1e6).value_or(yarn.beta_slow);
  yarn.truncate = rope.optional_boolean("truncate").value_or(yarn.truncate);
  yarn.attention_factor = rope.optional_number("attention_factor", 1e-3, 1e3);
  yarn.mscale = rope.optional_number("mscale", 0.0, 1e3);
  yarn.mscale_all_dim = rope.optional_number("mscale_all_dim", 0.0, 1e3);
  return yarn;
}

Status check_sections(const TextConfig& config) {
  const auto& section = config.mrope_section;
  const std::int32_t half = config.head_dim / 2;
  if (section.size() != 3 || std::accumulate(section.begin(), section.end(), 0) != half) {
    return fail(ErrorCode::kInvalidArgument,
                "mrope_section [{}] is not three counts that sum to head_dim / 2 = {}",
                fmt::join(section, ", "), half);
  }
  // Height takes channels 1, 4, 7, ... and width 2, 5, 8, ...: the last one must exist.
  if (3 * section[1] - 2 >= half || 3 * section[2] - 1 >= half) {
    return fail(ErrorCode::kInvalidArgument,
                "mrope_section [{}] does not interleave within {} channels",
                fmt::join(section, ", "), half);
  }
  return {};
}

// rope_parameters of re-saved files holds what published files spread over rope_theta and
// rope_scaling.
Status parse_rope(ConfigFields& text, TextConfig& config) {
  const bool resaved = text.has("rope_parameters");
  const char* key = resaved ? "rope_parameters" : "rope_scaling";
  if (resaved && text.has("rope_scaling")) {
    return fail(ErrorCode::kInvalidArgument,
                "text_config has both rope_parameters and rope_scaling");
  }
  ConfigFields rope(text.object(key), fmt::format("text_config.{}", key));
  if (!resaved || text.has("rope_theta")) {
    config.rope_theta = text.number("rope_theta", 1.0 + 1e-6, 1e12);
  }
  if (resaved) {
    const double theta = rope.number("rope_theta", 1.0 + 1e-6, 1e12);
    if (text.has("rope_theta") && theta != config.rope_theta) {
      return fail(ErrorCode::kInvalidArgument,
                  "text_config.rope_theta is {}, in rope_parameters it is {}", config.rope_theta,
                  theta);
    }
    config.rope_theta = theta;
  }
  // "type" is the older name of the key.
  const std::string type =
      rope.text(!rope.has("rope_type") && rope.has("type") ? "type" : "rope_type");
  if (rope.has("type") && rope.has("rope_type")) {
    rope.require("type", type);
  }
  config.mrope_section = rope.integers("mrope_section", 3, kMaxHeadDim);
  rope.require("mrope_interleaved", true);
  if (type == "yarn") {
    config.yarn = parse_yarn(rope);
  } else if (type != "default") {
    rope.refuse(
        {ErrorCode::kUnsupported,
         fmt::format("text_config.{}.rope_type is '{}', only default and yarn are supported", key,
                     printable(type, 40))});
  }
  MONOCLE_TRY(text.status_so_far());
  return rope.status();
}

DType parse_dtype(ConfigFields& fields) {
  const char* key = fields.has("dtype") ? "dtype" : "torch_dtype";
  if (!fields.has(key)) {
    return DType::kBF16;  // each tensor says its own type; this one is for display
  }
  const std::string name = fields.text(key);
  if (name != "bfloat16" && name != "float16" && name != "float32") {
    fields.refuse(
        {ErrorCode::kUnsupported,
         fmt::format("text_config.{} is '{}', only bfloat16, float16 and float32 are supported",
                     key, printable(name, 40))});
  }
  return name == "float32" ? DType::kF32 : name == "float16" ? DType::kF16 : DType::kBF16;
}

Result<TextConfig> parse_text(const Json& json) {
  ConfigFields fields(json, "text_config");
  TextConfig config;
  fields.require("model_type", "qwen3_vl_text");
  config.vocab_size = fields.integer32("vocab_size", 1, kMaxVocab);
  config.hidden_size = fields.integer32("hidden_size", 1, kMaxHidden);
  config.intermediate_size = fields.integer32("intermediate_size", 1, kMaxIntermediate);
  config.num_hidden_layers = fields.integer32("num_hidden_layers", 1, kMaxLayers);
  config.num_attention_heads = fields.integer32("num_attention_heads", 1, kMaxHeads);
  config.num_key_value_heads = fields.integer32("num_key_value_heads", 1, kMaxHeads);
  config.head_dim = fields.integer32("head_dim", 2, kMaxHeadDim);
  config.rms_norm_eps = static_cast<float>(fields.number("rms_norm_eps", 1e-12, 1e-1));
  config.max_position_embeddings = fields.integer("max_position_embeddings", 1, kMaxPositions);
  config.dtype = parse_dtype(fields);
  fields.require("hidden_act", "silu");
  fields.require_if_present("attention_bias", false);
  fields.require_if_present("use_sliding_window", false);
  MONOCLE_TRY(parse_rope(fields, config));
  fields.ignore(kNoEffect);
  MONOCLE_TRY(fields.status());
  if (config.head_dim % 2 != 0) {
    return fail(ErrorCode::kInvalidArgument, "text_config.head_dim is {}, it must be even",
                config.head_dim);
  }
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "text_config.num_attention_heads is {}, not a multiple of num_key_value_heads {}",
                config.num_attention_heads, config.num_key_value_heads);
  }
  MONOCLE_TRY(check_sections(config));
  return config;
}

Status check_vision(const VisionConfig& config) {
  if (config.hidden_size % config.num_heads != 0 || config.head_dim() % 4 != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "vision_config.hidden_size is {}, {} heads need a multiple of 4 channels each (two "
                "rotary axes)",
                config.hidden_size, config.num_heads);
  }
  const std::int64_t side = config.position_side();
  if (side * side != config.num_position_embeddings) {
    return fail(ErrorCode::kInvalidArgument,
                "vision_config.num_position_embeddings is {}, not a square",
                config.num_position_embeddings);
  }
  std::int32_t previous = -1;
  for (const std::int32_t block : config.deepstack_visual_indexes) {
    if (block <= previous || block >= config.depth) {
      return fail(ErrorCode::kInvalidArgument,
                  "vision_config.deepstack_visual_indexes [{}] is not ascending within {} blocks",
                  fmt::join(config.deepstack_visual_indexes, ", "), config.depth);
    }
    previous = block;
  }
  return {};
}

Result<VisionConfig> parse_vision(const Json& json) {
  ConfigFields fields(json, "vision_config");
  VisionConfig config;
  config.depth = fields.integer32("depth", 1, kMaxLayers);
  config.hidden_size = fields.integer32("hidden_size", 4, kMaxHidden);
  config.intermediate_size = fields.integer32("intermediate_size", 1, kMaxIntermediate);
  config.num_heads = fields.integer32("num_heads", 1, kMaxHeads);
  config.patch_size = fields.integer32("patch_size", 1, 64);
  config.out_hidden_size = fields.integer32("out_hidden_size", 1, kMaxHidden);
  config.num_position_embeddings =
      fields.integer32("num_position_embeddings", 1, kMaxPositionEmbeddings);
  config.deepstack_visual_indexes =
      fields.integers("deepstack_visual_indexes", kMaxDeepstack, kMaxLayers);
  // The processors make RGB, pairs of frames and 2x2 blocks, and nothing else.
  fields.require("in_channels", 3);
  fields.require("temporal_patch_size", 2);
  fields.require("spatial_merge_size", 2);
  config.in_channels = 3;
  config.temporal_patch_size = 2;
  config.spatial_merge_size = 2;
  fields.require("hidden_act", "gelu_pytorch_tanh");
  if (const std::string type = fields.text("model_type");
      type != "qwen3_vl" && type != "qwen3_vl_vision") {
    fields.refuse(
        {ErrorCode::kUnsupported, fmt::format("vision_config.model_type is '{}', only qwen3_vl and "
                                              "qwen3_vl_vision are supported",
                                              printable(type, 40))});
  }
  if (fields.has("rope_parameters")) {
    ConfigFields rope(fields.object("rope_parameters"), "vision_config.rope_parameters");
    config.rope_theta = rope.number("rope_theta", 1.0 + 1e-6, 1e12);
    rope.require("rope_type", "axial");
    MONOCLE_TRY(rope.status());
  }
  fields.ignore(kNoEffect);
  MONOCLE_TRY(fields.status());
  MONOCLE_TRY(check_vision(config));
  return config;
}

// Another model under the same roof: say which, before its fields are called missing.
Status check_architecture(ConfigFields& fields) {
  const std::string type = fields.text("model_type");
  MONOCLE_TRY(fields.status_so_far());
  if (type == "qwen3_vl_moe") {
    return fail(ErrorCode::kUnsupported,
                "model_type is qwen3_vl_moe: mixture-of-experts models are not supported");
  }
  if (type != "qwen3_vl") {
    return fail(ErrorCode::kUnsupported, "model_type is '{}', only qwen3_vl is supported",
                printable(type, 60));
  }
  fields.require_if_present("architectures", Json::array({"Qwen3VLForConditionalGeneration"}));
  return fields.status_so_far();
}

Result<bool> parse_tie(ConfigFields& fields, const Json& text) {
  const ConfigFields inner(text, "text_config");
  const bool top = fields.has("tie_word_embeddings");
  if (!top && !inner.has("tie_word_embeddings")) {
    return fail(ErrorCode::kInvalidArgument, "tie_word_embeddings is missing");
  }
  ConfigFields reader(text, "text_config");
  const bool tied =
      top ? fields.boolean("tie_word_embeddings") : reader.boolean("tie_word_embeddings");
  MONOCLE_TRY(fields.status_so_far());
  // Versions of the reference disagree about which of the two counts.
  if (inner.has("tie_word_embeddings") && reader.boolean("tie_word_embeddings") != tied) {
    return fail(ErrorCode::kInvalidArgument, "tie_word_embeddings is {}, in text_config it is {}",
                tied, !tied);
  }
  MONOCLE_TRY(reader.status_so_far());
  return tied;
}

// Only the block-scaled FP8 form has a reader (store/block_fp8.h).
Status parse_quantization(ConfigFields& fields, Config& config) {
  if (!fields.has("quantization_config")) {
    return {};
  }
  ConfigFields quantization(fields.object("quantization_config"), "quantization_config");
  MONOCLE_TRY(fields.status_so_far());
  quantization.require("quant_method", "fp8");
  quantization.require_if_present("fmt", "e4m3");
  quantization.require("weight_block_size", Json::array({128, 128}));
  quantization.require_if_present("activation_scheme", "dynamic");
  config.block_fp8 = true;
  // Which tensors are scaled is read off the tensors themselves.
  return quantization.status_so_far();
}

// Rope and window settings count in text_config only; at the top they would be ignored by the
// reference.
Status check_misplaced(const Json& json) {
  for (const char* key : {"rope_scaling", "rope_parameters", "rope_theta", "sliding_window"}) {
    const auto found = json.find(key);
    if (found != json.end() && !found->is_null()) {
      return fail(ErrorCode::kUnsupported, "{} stands outside text_config, where it has no effect",
                  key);
    }
  }
  return {};
}

Status check_together(const Config& config) {
  if (config.vision.out_hidden_size != config.text.hidden_size) {
    return fail(ErrorCode::kInvalidArgument,
                "vision_config.out_hidden_size is {}, text_config.hidden_size is {}",
                config.vision.out_hidden_size, config.text.hidden_size);
  }
  if (config.vision.deepstack_visual_indexes.size() >
      static_cast<std::size_t>(config.text.num_hidden_layers)) {
    return fail(ErrorCode::kInvalidArgument,
                "vision_config.deepstack_visual_indexes has {} entries for {} text layers",
                config.vision.deepstack_visual_indexes.size(), config.text.num_hidden_layers);
  }
  if (const std::int64_t parameters = parameter_count(config); parameters > kMaxParameters) {
    return fail(ErrorCode::kTooLarge, "the sizes amount to {} parameters, the limit is {}",
                parameters, kMaxParameters);
  }
  return {};
}

Result<Config> parse_document(const Json& json) {
  ConfigFields fields(json, "");
  MONOCLE_TRY(check_architecture(fields));
  MONOCLE_TRY(check_misplaced(json));
  Config config;
  const Json& text = fields.object("text_config");
  const Json& vision = fields.object("vision_config");
  MONOCLE_TRY(fields.status_so_far());
  MONOCLE_ASSIGN(config.text, parse_text(text));
  MONOCLE_ASSIGN(config.vision, parse_vision(vision));
  MONOCLE_ASSIGN(config.tie_word_embeddings, parse_tie(fields, text));
  const std::int32_t last_token = config.text.vocab_size - 1;
  config.image_token_id = fields.integer32("image_token_id", 0, last_token);
  config.video_token_id = fields.integer32("video_token_id", 0, last_token);
  config.vision_start_token_id = fields.integer32("vision_start_token_id", 0, last_token);
  config.vision_end_token_id = fields.integer32("vision_end_token_id", 0, last_token);
  MONOCLE_TRY(parse_quantization(fields, config));
  ConfigFields text_fields(text, "text_config");
  config.eos_token_id = text_fields.optional_integer32("eos_token_id", 0, last_token);
  MONOCLE_TRY(text_fields.status_so_far());
  MONOCLE_TRY(fields.status_so_far());
  MONOCLE_TRY(check_together(config));
  return config;
}

}  // namespace

std::int32_t VisionConfig::position_side() const {
  return static_cast<std::int32_t>(
      std::lround(std::sqrt(static_cast<double>(num_position_embeddings))));
}

Result<Config> parse_config(std::string_view json) {
  MONOCLE_ASSIGN(const Json document, parse_json_object(json, kMaxConfigBytes));
  return parse_document(document);
}

std::int64_t parameter_count(const Config& config) {
  std::int64_t total = 0;
  for (const TensorSpec& tensor : tensor_list(config)) {
    total += tensor.elements();
  }
  return total;
}

std::int64_t kv_bytes_per_token(const TextConfig& config, DType kv_type) {
  return 2 * config.num_hidden_layers * config.kv_dim() *
         static_cast<std::int64_t>(dtype_size(kv_type));
}

}  // namespace monocle::qwen3_vl
