// SPDX-License-Identifier: Apache-2.0
#include "bench_checkpoint.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "model/qwen3_vl/random_weights.h"
#include "model/qwen3_vl/tensor_list.h"
#include "open_model.h"
#include "report.h"
#include "store/safetensors_write.h"

namespace monocle::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Options {
  std::string shape;
  std::string output;
  std::string texts;  // a checkpoint whose tokenizer and settings are copied; empty: the demo model
};

Json read_json(const fs::path& path) {
  std::ifstream file(path);
  return Json::parse(file, nullptr, false);
}

// config.json of `texts` with the sizes of `shape`: its token ids must be those of the tokenizer.
Json config_json(const qwen3_vl::Config& shape, Json config) {
  const qwen3_vl::TextConfig& t = shape.text;
  Json& text = config["text_config"];
  text["vocab_size"] = t.vocab_size;
  text["hidden_size"] = t.hidden_size;
  text["intermediate_size"] = t.intermediate_size;
  text["num_hidden_layers"] = t.num_hidden_layers;
  text["num_attention_heads"] = t.num_attention_heads;
  text["num_key_value_heads"] = t.num_key_value_heads;
  text["head_dim"] = t.head_dim;
  text["rope_scaling"]["mrope_section"] = t.mrope_section;
  text["max_position_embeddings"] = t.max_position_embeddings;
  text["tie_word_embeddings"] = shape.tie_word_embeddings;
  config["tie_word_embeddings"] = shape.tie_word_embeddings;
  const qwen3_vl::VisionConfig& v = shape.vision;
  Json& vision = config["vision_config"];
  vision["depth"] = v.depth;
  vision["hidden_size"] = v.hidden_size;
  vision["intermediate_size"] = v.intermediate_size;
  vision["num_heads"] = v.num_heads;
  vision["out_hidden_size"] = v.out_hidden_size;
  vision["num_position_embeddings"] = v.num_position_embeddings;
  vision["deepstack_visual_indexes"] = v.deepstack_visual_indexes;
  return config;
}

Status write_weights(const qwen3_vl::Config& config, const fs::path& path) {
  ThreadPool pool(usable_cpus());
  std::vector<LoadedTensor> owned;
  std::vector<TensorInfo> tensors;
  for (const qwen3_vl::TensorSpec& spec : qwen3_vl::tensor_list(config)) {
    const LoadedTensor& tensor =
        owned.emplace_back(qwen3_vl::random_tensor(spec.name, spec.shape, pool));
    const auto bytes = static_cast<std::size_t>(spec.elements()) * dtype_size(DType::kBF16);
    tensors.push_back({spec.name,
                       DType::kBF16,
                       spec.shape,
                       {static_cast<const std::byte*>(tensor.view.data), bytes}});
  }
  return write_safetensors(path.string(), tensors, {});
}

Status write_checkpoint(const Options& options) {
  MONOCLE_ASSIGN(const qwen3_vl::Config config, qwen3_vl::preset_config(options.shape));
  std::string texts = options.texts;
  if (texts.empty()) {
    MONOCLE_ASSIGN(texts, default_model_path());
  }
  const Json base = read_json(fs::path(texts) / "config.json");
  Json pictures = read_json(fs::path(texts) / "preprocessor_config.json");
  if (!base.contains("text_config") || !base.contains("vision_config") || !pictures.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "{} is no directory of a Qwen3-VL checkpoint", texts);
  }
  pictures["size"] = {{"longest_edge", 16777216}, {"shortest_edge", 65536}};  // as published
  std::error_code error;
  const fs::path output(options.output);
  fs::create_directories(output, error);
  for (const char* name :
       {"tokenizer.json", "generation_config.json", "video_preprocessor_config.json"}) {
    fs::copy_file(fs::path(texts) / name, output / name, fs::copy_options::overwrite_existing,
                  error);
    if (error) {
      return fail(ErrorCode::kNotFound, "{} cannot be copied from {} to {}: {}", name, texts,
                  options.output, error.message());
    }
  }
  const bool written =
      (std::ofstream(output / "config.json") << config_json(config, base).dump(2) << '\n') &&
      (std::ofstream(output / "preprocessor_config.json") << pictures.dump(2) << '\n');
  if (!written) {
    return fail(ErrorCode::kUnavailable, "nothing can be written to {}", options.output);
  }
  return write_weights(config, output / "model.safetensors");
}

}  // namespace

Action add_bench_checkpoint(Flags& app) {
  auto options = std::make_shared<Options>();
  app.footer("Example: monocle bench checkpoint 2b random-2b && monocle serve --model random-2b");
  app.add_option("shape", options->shape, "tiny, 2b, 4b, 8b or 32b").required();
  app.add_option("output", options->output, "The directory to write").required();
  app.add_option("--texts", options->texts,
                 "Checkpoint whose tokenizer and settings are copied (default: the demo model)");
  return [options] {
    const Status written = write_checkpoint(*options);
    return written ? 0 : report(written.error());
  };
}

}  // namespace monocle::app
