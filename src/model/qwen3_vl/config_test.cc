// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "model/qwen3_vl/tensor_list.h"

namespace monocle::qwen3_vl {
namespace {

using Json = nlohmann::json;

// The published style, 2B.
Json published() {
  return Json::parse(
      R"({"architectures":["Qwen3VLForConditionalGeneration"],"model_type":"qwen3_vl",
    "image_token_id":151655,"video_token_id":151656,"vision_start_token_id":151652,"vision_end_token_id":151653,
    "tie_word_embeddings":true,"transformers_version":"4.57.0.dev0",
    "text_config":{"model_type":"qwen3_vl_text","vocab_size":151936,"hidden_size":2048,"num_hidden_layers":28,
      "num_attention_heads":16,"num_key_value_heads":8,"head_dim":128,"intermediate_size":6144,"hidden_act":"silu",
      "rms_norm_eps":1e-06,"rope_theta":5000000,"rope_scaling":{"mrope_interleaved":true,
      "mrope_section":[24,20,20],"rope_type":"default"},"max_position_embeddings":262144,"attention_bias":false,
      "attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151645,"tie_word_embeddings":true,
      "use_cache":true,"dtype":"bfloat16","initializer_range":0.02},
    "vision_config":{"model_type":"qwen3_vl","depth":24,"hidden_size":1024,"num_heads":16,"intermediate_size":4096,
      "hidden_act":"gelu_pytorch_tanh","patch_size":16,"temporal_patch_size":2,"spatial_merge_size":2,
      "in_channels":3,"out_hidden_size":2048,"num_position_embeddings":2304,
      "deepstack_visual_indexes":[5,11,17],"initializer_range":0.02}})");
}

// The same model as a later version of the library saves it.
Json resaved() {
  Json json = published();
  Json& text = json["text_config"];
  text["rope_parameters"] = text["rope_scaling"];
  text["rope_parameters"]["rope_theta"] = text["rope_theta"];
  text.erase("rope_scaling");
  text.erase("rope_theta");
  text["pad_token_id"] = nullptr;
  json["vision_config"]["model_type"] = "qwen3_vl_vision";
  json["vision_config"]["rope_parameters"] = {{"rope_theta", 10000.0}, {"rope_type", "axial"}};
  return json;
}

Json sized(int hidden, int layers, int heads, int inner, bool tied, bool large_tower) {
  Json json = published();
  Json& text = json["text_config"];
  text["hidden_size"] = hidden;
  text["num_hidden_layers"] = layers;
  text["num_attention_heads"] = heads;
  text["intermediate_size"] = inner;
  text["tie_word_embeddings"] = tied;
  json["tie_word_embeddings"] = tied;
  Json& vision = json["vision_config"];
  vision["out_hidden_size"] = hidden;
  if (large_tower) {
    vision["depth"] = 27;
    vision["hidden_size"] = 1152;
    vision["intermediate_size"] = 4304;
    vision["deepstack_visual_indexes"] = {8, 16, 24};
  }
  return json;
}

void expect_2b(const Config& config) {
  EXPECT_EQ(config.text.vocab_size, 151936);
  EXPECT_EQ(config.text.hidden_size, 2048);
  EXPECT_EQ(config.text.q_dim(), 2048);
  EXPECT_EQ(config.text.kv_dim(), 1024);
  EXPECT_EQ(config.text.rope_theta, 5e6);
  EXPECT_EQ(config.text.rms_norm_eps, 1e-6F);
  EXPECT_EQ(config.text.mrope_section, (std::vector<std::int32_t>{24, 20, 20}));
  EXPECT_FALSE(config.text.yarn);
  EXPECT_EQ(config.vision.head_dim(), 64);
  EXPECT_EQ(config.vision.patch_dim(), 1536);
  EXPECT_EQ(config.vision.position_side(), 48);
  EXPECT_EQ(config.vision.rope_theta, 10000.0);
  EXPECT_EQ(config.vision.deepstack_visual_indexes, (std::vector<std::int32_t>{5, 11, 17}));
  EXPECT_TRUE(config.tie_word_embeddings);
  EXPECT_FALSE(config.block_fp8);
  EXPECT_EQ(config.eos_token_id, 151645);
  EXPECT_EQ(config.image_token_id, 151655);
  EXPECT_EQ(config.vision_end_token_id, 151653);
  EXPECT_EQ(parameter_count(config), 2'127'532'032);
  EXPECT_EQ(kv_bytes_per_token(config.text, DType::kBF16), 114'688);
}

TEST(Config, BothStylesAreTheSameModel) {
  for (const Json& json : {published(), resaved()}) {
    const auto config = parse_config(json.dump());
    ASSERT_TRUE(config) << config.error().message;
    expect_2b(*config);
  }
}

TEST(Config, YarnInBothStyles) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    Json json = std::string_view(key) == "rope_scaling" ? published() : resaved();
    Json& rope = json["text_config"][key];
    rope["rope_type"] = "yarn";
    rope["factor"] = 3.0;
    rope["original_max_position_embeddings"] = 262144;
    json["text_config"]["max_position_embeddings"] = 1000000;
    auto config = parse_config(json.dump());
    ASSERT_TRUE(config) << config.error().message;
    ASSERT_TRUE(config->text.yarn);
    EXPECT_EQ(config->text.yarn->factor, 3.0);
    EXPECT_EQ(config->text.yarn->beta_fast, 32.0);
    EXPECT_EQ(config->text.yarn->beta_slow, 1.0);
    EXPECT_TRUE(config->text.yarn->truncate);
    EXPECT_FALSE(config->text.yarn->attention_factor);
    rope["beta_fast"] = 16;
    rope["truncate"] = false;
    rope["attention_factor"] = 1.25;
    config = parse_config(json.dump());
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->text.yarn->beta_fast, 16.0);
    EXPECT_FALSE(config->text.yarn->truncate);
    EXPECT_EQ(config->text.yarn->attention_factor, 1.25);
    rope.erase("factor");
    EXPECT_EQ(parse_config(json.dump()).error().message,
              fmt::format("text_config.{}.factor is missing", key));
  }
}

TEST(Config, BlockFp8IsRecognised) {
  Json json = published();
  json["quantization_config"] = {{"quant_method", "fp8"},
                                 {"fmt", "e4m3"},
                                 {"activation_scheme", "dynamic"},
                                 {"weight_block_size", {128, 128}},
                                 {"modules_to_not_convert", {"lm_head"}}};
  const auto config = parse_config(json.dump());
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->block_fp8);
}

struct Refusal {
  const char* what;
  std::function<void(Json&)> change;
  const char* expected;  // the whole sentence
};

std::vector<Refusal> refusals() {
  const auto text = [](const char* key, Json value) {
    return [=](Json& json) { json["text_config"][key] = value; };
  };
  const auto vision = [](const char* key, Json value) {
    return [=](Json& json) { json["vision_config"][key] = value; };
  };
  const auto rope = [](const char* key, Json value) {
    return [=](Json& json) { json["text_config"]["rope_scaling"][key] = value; };
  };
  const auto top = [](const char* key, Json value) {
    return [=](Json& json) { json[key] = value; };
  };
  return {
      {"moe", top("model_type", "qwen3_vl_moe"),
       "model_type is qwen3_vl_moe: mixture-of-experts models are not supported"},
      {"other_model", top("model_type", "qwen2_5_vl"),
       "model_type is 'qwen2_5_vl', only qwen3_vl is supported"},
      {"other_architecture", top("architectures", {"Qwen3VLModel"}),
       R"(architectures is ["Qwen3VLModel"], only ["Qwen3VLForConditionalGeneration"] is supported)"},
      {"text_is_list", top("text_config", Json::array()), "text_config is [], not an object"},
      {"experts", text("num_experts", 128),
       "text_config.num_experts = 128 is not a setting this program honours"},
      {"text_act", text("hidden_act", "gelu"),
       R"(text_config.hidden_act is "gelu", only "silu" is supported)"},
      {"vision_act", vision("hidden_act", "gelu"),
       R"(vision_config.hidden_act is "gelu", only "gelu_pytorch_tanh" is supported)"},
      {"attention_bias", text("attention_bias", true),
       "text_config.attention_bias is true, only false is supported"},
      {"sliding", text("use_sliding_window", true),
       "text_config.use_sliding_window is true, only false is supported"},
      {"window", text("sliding_window", 4096),
       "text_config.sliding_window = 4096 is not a setting this program honours"},
      {"rope_type", rope("rope_type", "longrope"),
       "text_config.rope_scaling.rope_type is 'longrope', only default and yarn are supported"},
      {"contiguous", rope("mrope_interleaved", false),
       "text_config.rope_scaling.mrope_interleaved is false, only true is supported"},
      {"rope_extra", rope("partial_rotary_factor", 0.5),
       "text_config.rope_scaling.partial_rotary_factor = 0.5 is not a setting this program "
       "honours"},
      {"rope_top", top("rope_scaling", {{"rope_type", "yarn"}}),
       "rope_scaling stands outside text_config, where it has no effect"},
      {"sections", rope("mrope_section", {24, 20, 21}),
       "mrope_section [24, 20, 21] is not three counts that sum to head_dim / 2 = 64"},
      {"sections_two", rope("mrope_section", {44, 20}),
       "mrope_section [44, 20] is not three counts that sum to head_dim / 2 = 64"},
      {"sections_wide", rope("mrope_section", {20, 22, 22}),
       "mrope_section [20, 22, 22] does not interleave within 64 channels"},
      {"odd_head", text("head_dim", 127), "text_config.head_dim is 127, it must be even"},
      {"groups", text("num_key_value_heads", 3),
       "text_config.num_attention_heads is 16, not a multiple of num_key_value_heads 3"},
      {"zero_heads", text("num_key_value_heads", 0),
       "text_config.num_key_value_heads is 0, not an integer from 1 to 512"},
      {"layers", text("num_hidden_layers", 100000),
       "text_config.num_hidden_layers is 100000, not an integer from 1 to 256"},
      {"vocab_2_63", text("vocab_size", 9223372036854775808ULL),
       "text_config.vocab_size is 9223372036854775808, not an integer from 1 to 2097152"},
      {"vocab_negative", text("vocab_size", -1),
       "text_config.vocab_size is -1, not an integer from 1 to 2097152"},
      {"hidden_fraction", text("hidden_size", 2048.5),
       "text_config.hidden_size is 2048.5, not an integer from 1 to 32768"},
      {"hidden_text", text("hidden_size", "2048"),
       R"(text_config.hidden_size is "2048", not an integer from 1 to 32768)"},
      {"eps_zero", text("rms_norm_eps", 0.0),
       "text_config.rms_norm_eps is 0.0, not a number from 1e-12 to 0.1"},
      {"theta", text("rope_theta", true),
       "text_config.rope_theta is true, not a number from 1.000001 to 1000000000000"},
      {"dtype", text("dtype", "int8"),
       "text_config.dtype is 'int8', only bfloat16, float16 and float32 are supported"},
      {"vision_model", vision("model_type", "siglip"),
       "vision_config.model_type is 'siglip', only qwen3_vl and qwen3_vl_vision are supported"},
      {"vision_heads", vision("num_heads", 15),
       "vision_config.hidden_size is 1024, 15 heads need a multiple of 4 channels each (two rotary "
       "axes)"},
      {"not_square", vision("num_position_embeddings", 2305),
       "vision_config.num_position_embeddings is 2305, not a square"},
      {"merge", vision("spatial_merge_size", 3),
       "vision_config.spatial_merge_size is 3, only 2 is supported"},
      {"temporal", vision("temporal_patch_size", 1),
       "vision_config.temporal_patch_size is 1, only 2 is supported"},
      {"grey", vision("in_channels", 1), "vision_config.in_channels is 1, only 3 is supported"},
      {"taps_beyond", vision("deepstack_visual_indexes", {5, 11, 24}),
       "vision_config.deepstack_visual_indexes [5, 11, 24] is not ascending within 24 blocks"},
      {"taps_twice", vision("deepstack_visual_indexes", {5, 5}),
       "vision_config.deepstack_visual_indexes [5, 5] is not ascending within 24 blocks"},
      {"vision_rope", vision("rope_parameters", {{"rope_theta", 10000.0}, {"rope_type", "yarn"}}),
       R"(vision_config.rope_parameters.rope_type is "yarn", only "axial" is supported)"},
      {"widths", vision("out_hidden_size", 4096),
       "vision_config.out_hidden_size is 4096, text_config.hidden_size is 2048"},
      {"tie_disagrees", top("tie_word_embeddings", false),
       "tie_word_embeddings is false, in text_config it is true"},
      {"token", top("image_token_id", 151936),
       "image_token_id is 151936, not an integer from 0 to 151935"},
      {"gptq", top("quantization_config", {{"quant_method", "gptq"}}),
       R"(quantization_config.quant_method is "gptq", only "fp8" is supported)"},
      {"fp8_blocks",
       top("quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {64, 64}}}),
       "quantization_config.weight_block_size is [64,64], only [128,128] is supported"},
      {"too_large",
       [](Json& json) {
         json["text_config"]["hidden_size"] = 32768;
         json["vision_config"]["out_hidden_size"] = 32768;
         json["text_config"]["intermediate_size"] = 262144;
         json["text_config"]["num_hidden_layers"] = 200;
       },
       "the sizes amount to 5200128300032 parameters, the limit is 200000000000"},
  };
}

TEST(Config, RefusalsNameTheField) {
  for (const Refusal& refusal : refusals()) {
    Json json = published();
    refusal.change(json);
    const auto config = parse_config(json.dump());
    ASSERT_FALSE(config) << refusal.what;
    EXPECT_EQ(config.error().message, refusal.expected) << refusal.what;
  }
}

// The defaults of the reference differ from the published models, so no size may be filled in.
TEST(Config, EveryFieldThatShapesTheModelIsDemanded) {
  const std::vector<std::string> optional{"attention_bias",    "attention_dropout",  "bos_token_id",
                                          "eos_token_id",      "use_cache",          "dtype",
                                          "initializer_range", "tie_word_embeddings"};
  for (const char* part : {"text_config", "vision_config"}) {
    const Json intact = published();
    for (const auto& [key, value] : intact[part].items()) {
      Json json = published();
      json[part].erase(key);
      const auto config = parse_config(json.dump());
      if (std::find(optional.begin(), optional.end(), key) != optional.end()) {
        EXPECT_TRUE(config) << part << "." << key << ": " << config.error().message;
      } else {
        ASSERT_FALSE(config) << part << "." << key;
        EXPECT_EQ(config.error().message, fmt::format("{}.{} is missing", part, key));
      }
    }
  }
  for (const char* key : {"model_type", "text_config", "vision_config", "image_token_id",
                          "video_token_id", "vision_start_token_id", "vision_end_token_id"}) {
    Json json = published();
    json.erase(key);
    EXPECT_EQ(parse_config(json.dump()).error().message, fmt::format("{} is missing", key));
  }
  Json untied = published();
  untied.erase("tie_word_embeddings");
  EXPECT_TRUE(parse_config(untied.dump())) << "text_config still says it";
  untied["text_config"].erase("tie_word_embeddings");
  EXPECT_EQ(parse_config(untied.dump()).error().message, "tie_word_embeddings is missing");
}

TEST(Config, KeysWithoutEffectAreLetThrough) {
  Json json = published();
  json["unsloth_fixed"] = true;
  json["text_config"]["output_attentions"] = false;
  json["text_config"]["layer_types"] = nullptr;
  json["text_config"]["pruned_heads"] = Json::object();
  json["text_config"]["top_k"] = 50;
  EXPECT_TRUE(parse_config(json.dump()));
}

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

std::uint64_t list_hash(const std::vector<TensorSpec>& list) {
  std::vector<std::string> lines;
  for (const TensorSpec& tensor : list) {
    lines.push_back(fmt::format("{} [{}]\n", tensor.name, fmt::join(tensor.shape, ", ")));
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) {
    all += line;
  }
  return fnv1a(all);
}

// Counts and parameters of the published models; the hashes are over their sorted "name shape"
// lists.
TEST(TensorList, MatchesThePublishedModels) {
  struct Model {
    const char* name;
    Json json;
    std::size_t tensors;
    std::int64_t parameters;
    std::uint64_t hash;  // 0: no list at hand
  };
  for (const Model& model : {
           Model{"2B", published(), 625, 2'127'532'032, 0x74a0892196e8fa39U},
           Model{"4B", sized(2560, 36, 32, 9728, true, false), 713, 4'437'815'808,
                 0xb1d2e5b5eae75b31U},
           Model{"8B", sized(4096, 36, 32, 12288, false, true), 750, 8'767'123'696, 0},
           Model{"32B", sized(5120, 64, 64, 25600, false, true), 1058, 33'357'390'064, 0},
       }) {
    const auto config = parse_config(model.json.dump());
    ASSERT_TRUE(config) << model.name << ": " << config.error().message;
    const std::vector<TensorSpec> list = tensor_list(*config);
    EXPECT_EQ(list.size(), model.tensors) << model.name;
    EXPECT_EQ(parameter_count(*config), model.parameters) << model.name;
    if (model.hash != 0) {
      EXPECT_EQ(list_hash(list), model.hash) << model.name;
    }
  }
}

}  // namespace
}  // namespace monocle::qwen3_vl
