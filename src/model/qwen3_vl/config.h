// SPDX-License-Identifier: Apache-2.0
// config.json as a struct. Field names are those of the file. Every field is read from the file or
// refused: the library defaults of the reference implementation differ from the published models,
// so nothing is filled in silently. Every number has an upper bound, so that a hostile file cannot
// demand absurd memory from what is sized by it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/result.h"

namespace monocle::qwen3_vl {

// Static rescaling of the rope frequencies for contexts beyond the trained length.
struct Yarn {
  double factor = 1.0;
  std::int64_t original_max_position_embeddings = 0;
  double beta_fast = 32.0;
  double beta_slow = 1.0;
  bool truncate = true;
  std::optional<double> attention_factor;  // overrides the computed scaling of cos and sin
  std::optional<double> mscale;
  std::optional<double> mscale_all_dim;
};

struct TextConfig {
  std::int32_t vocab_size = 0;
  std::int32_t hidden_size = 0;
  std::int32_t intermediate_size = 0;
  std::int32_t num_hidden_layers = 0;
  std::int32_t num_attention_heads = 0;
  std::int32_t num_key_value_heads = 0;
  std::int32_t head_dim = 0;
  float rms_norm_eps = 0.0F;
  double rope_theta = 0.0;
  std::vector<std::int32_t> mrope_section;  // three counts that sum to head_dim / 2
  std::optional<Yarn> yarn;
  std::int64_t max_position_embeddings = 0;
  DType dtype = DType::kBF16;  // of the stored weights, as the file says

  [[nodiscard]] std::int64_t q_dim() const { return std::int64_t{num_attention_heads} * head_dim; }
  [[nodiscard]] std::int64_t kv_dim() const { return std::int64_t{num_key_value_heads} * head_dim; }
};

struct VisionConfig {
  std::int32_t depth = 0;
  std::int32_t hidden_size = 0;
  std::int32_t intermediate_size = 0;
  std::int32_t num_heads = 0;
  std::int32_t in_channels = 0;
  std::int32_t patch_size = 0;
  std::int32_t temporal_patch_size = 0;
  std::int32_t spatial_merge_size = 0;
  std::int32_t out_hidden_size = 0;
  std::int32_t num_position_embeddings = 0;            // a square
  std::vector<std::int32_t> deepstack_visual_indexes;  // ascending block numbers, 0-based
  double rope_theta = 10000.0;                         // not in published files

  [[nodiscard]] std::int32_t head_dim() const { return hidden_size / num_heads; }
  [[nodiscard]] std::int64_t patch_dim() const {
    return std::int64_t{in_channels} * temporal_patch_size * patch_size * patch_size;
  }
  [[nodiscard]] std::int32_t position_side() const;  // sqrt(num_position_embeddings)
};

struct Config {
  TextConfig text;
  VisionConfig vision;
  bool tie_word_embeddings = false;  // the output head is the embedding
  bool block_fp8 = false;            // decoder matrices are published as block-scaled f8_e4m3
  std::optional<std::int32_t> eos_token_id;  // for a model without generation_config.json
  std::int32_t image_token_id = 0;
  std::int32_t video_token_id = 0;
  std::int32_t vision_start_token_id = 0;
  std::int32_t vision_end_token_id = 0;
};

// Accepts the published style (rope_theta and rope_scaling) and the one of re-saved files
// (rope_parameters). Messages name the field; the caller adds the file.
Result<Config> parse_config(std::string_view json);

// All parameters of the model; a tied head counts once.
std::int64_t parameter_count(const Config& config);
// Keys and values of all layers for one cached token.
std::int64_t kv_bytes_per_token(const TextConfig& config, DType kv_type);

}  // namespace monocle::qwen3_vl
