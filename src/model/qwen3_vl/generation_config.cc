// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/generation_config.h"

#include "model/qwen3_vl/config_fields.h"
#include "store/json_text.h"

namespace monocle::qwen3_vl {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxEosTokens = 64;

float number_or(ConfigFields& fields, const char* key, double least, double most, float fallback) {
  return static_cast<float>(fields.optional_number(key, least, most).value_or(fallback));
}

Result<GenerationConfig> parse_document(const nlohmann::json& json, std::int32_t vocab_size) {
  ConfigFields fields(json, "");
  GenerationConfig config;
  config.do_sample = fields.optional_boolean("do_sample").value_or(config.do_sample);
  config.temperature = number_or(fields, "temperature", 0.0, 100.0, config.temperature);
  config.top_k = fields.optional_integer32("top_k", 0, vocab_size).value_or(config.top_k);
  config.top_p = number_or(fields, "top_p", 0.0, 1.0, config.top_p);
  config.min_p = number_or(fields, "min_p", 0.0, 1.0, config.min_p);
  config.repetition_penalty =
      number_or(fields, "repetition_penalty", 0.01, 100.0, config.repetition_penalty);
  config.pad_token_id = fields.optional_integer32("pad_token_id", 0, vocab_size - 1);
  if (fields.has("eos_token_id")) {
    if (json["eos_token_id"].is_array()) {
      config.eos_token_ids = fields.integers("eos_token_id", kMaxEosTokens, vocab_size - 1);
    } else {
      config.eos_token_ids.push_back(fields.integer32("eos_token_id", 0, vocab_size - 1));
    }
  }
  // Other keys choose among decoding methods that a request cannot ask for here; beams would change
  // the text.
  fields.require_if_present("num_beams", 1);
  MONOCLE_TRY(fields.status_so_far());
  return config;
}

}  // namespace

Result<GenerationConfig> parse_generation_config(std::string_view json, std::int32_t vocab_size) {
  MONOCLE_ASSIGN(const nlohmann::json document, parse_json_object(json, kMaxBytes));
  return parse_document(document, vocab_size);
}

}  // namespace monocle::qwen3_vl
