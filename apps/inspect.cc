// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "command.h"
#include "model/qwen3_vl/repack.h"
#include "model/qwen3_vl/tensor_list.h"
#include "open_model.h"
#include "report.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;
using qwen3_vl::TensorKind;

struct InspectOptions {
  std::string path;
  bool verify = false;
  bool json = false;
};

struct Part {
  const char* name = "";
  std::int64_t parameters = 0;
  std::uint64_t bytes = 0;       // as stored
  std::uint64_t int8_bytes = 0;  // as `monocle quantize --format int8` would store it
  std::map<std::string, std::uint64_t> formats;  // stored bytes by format
};

constexpr std::array kPartNames{"embedding and head", "decoder", "vision tower"};

std::size_t part_of(TensorKind kind) {
  switch (kind) {
    case TensorKind::kEmbedding:
    case TensorKind::kHead:
      return 0;
    case TensorKind::kTextLinear:
    case TensorKind::kTextNorm:
      return 1;
    case TensorKind::kVisionLinear:
    case TensorKind::kVisionTable:
    case TensorKind::kVisionVector:
      return 2;
  }
  return 2;
}

struct Summary {
  std::array<Part, kPartNames.size()> parts;
  std::vector<std::string> problems;  // tensors that are missing or mis-shaped
  std::size_t tensors = 0;
};

std::uint64_t packed_bytes(const qwen3_vl::TensorSpec& spec, const StoredTensor& stored) {
  const FormatInfo* format = find_format(stored.format);  // null: f8, which is loaded as bf16
  const QuantFormat now = format == nullptr ? QuantFormat::kBF16 : format->format;
  const FormatInfo& packed = format_info(qwen3_vl::packed_format(spec.kind, now, {}));
  const auto [rows, cols] = matrix_shape(spec.shape);
  return packed.data_bytes(rows, cols) + packed.aux_bytes(rows, cols);
}

Summary summarise(const Checkpoint& checkpoint, const qwen3_vl::Config& config) {
  Summary summary;
  for (std::size_t i = 0; i < summary.parts.size(); ++i) {
    summary.parts[i].name = kPartNames[i];
  }
  summary.tensors = checkpoint.tensors().size();
  for (const qwen3_vl::TensorSpec& spec : qwen3_vl::tensor_list(config)) {
    const StoredTensor* stored = checkpoint.find(spec.name);
    if (stored == nullptr) {
      summary.problems.push_back(fmt::format("{} is missing", spec.name));
      continue;
    }
    if (stored->shape != spec.shape) {
      summary.problems.push_back(fmt::format("{} has shape {}, config.json demands {}", spec.name,
                                             shape_text(stored->shape), shape_text(spec.shape)));
      continue;
    }
    Part& part = summary.parts[part_of(spec.kind)];
    part.parameters += spec.elements();
    part.bytes += stored->bytes;
    part.int8_bytes += packed_bytes(spec, *stored);
    part.formats[std::string(stored->format)] += stored->bytes;
  }
  return summary;
}

// What the kernel would give without swapping, and what the container allows, whichever is less.
std::uint64_t usable_memory_bytes() {
  std::uint64_t usable = 0;
  std::ifstream info("/proc/meminfo");
  for (std::string word; info >> word;) {
    if (word == "MemAvailable:" && info >> usable) {
      usable *= 1024;
      break;
    }
  }
  std::ifstream limit_file(
      "/sys/fs/cgroup/memory.max");  // "max" does not parse and changes nothing
  if (std::uint64_t limit = 0; limit_file >> limit) {
    usable = std::min(usable, limit);
  }
  return usable;
}

// Tokens of context whose keys and values fit beside the weights; negative when the weights alone
// do not fit.
std::int64_t context_that_fits(std::uint64_t memory, std::uint64_t weights,
                               std::int64_t kv_per_token, std::int64_t max_positions) {
  // Workspace of a step and the program itself: measured well below this.
  constexpr std::uint64_t kReserve = std::uint64_t{512} << 20;
  if (memory < weights + kReserve) {
    return -1;
  }
  const auto tokens = static_cast<std::int64_t>((memory - weights - kReserve) /
                                                static_cast<std::uint64_t>(kv_per_token));
  return std::min(tokens, max_positions);
}

Json to_json(const InspectOptions& options, const ModelFiles& files, const Summary& summary) {
  const qwen3_vl::TextConfig& text = files.config.text;
  const qwen3_vl::VisionConfig& vision = files.config.vision;
  const std::int64_t kv = qwen3_vl::kv_bytes_per_token(text, DType::kBF16);
  const std::uint64_t memory = usable_memory_bytes();
  std::uint64_t stored = 0;
  std::uint64_t int8 = 0;
  Json parts = Json::array();
  for (const Part& part : summary.parts) {
    stored += part.bytes;
    int8 += part.int8_bytes;
    parts.push_back({{"part", part.name},
                     {"parameters", part.parameters},
                     {"bytes", part.bytes},
                     {"bytes_by_format", part.formats},
                     {"int8_bytes", part.int8_bytes}});
  }
  return {{"path", options.path},
          {"architecture", "Qwen3VLForConditionalGeneration"},
          {"form", files.checkpoint.packed() ? "packed file" : "safetensors"},
          {"file_bytes", files.checkpoint.file_bytes()},
          {"tensors", summary.tensors},
          {"parameters", qwen3_vl::parameter_count(files.config)},
          {"text",
           {{"layers", text.num_hidden_layers},
            {"hidden", text.hidden_size},
            {"heads", text.num_attention_heads},
            {"kv_heads", text.num_key_value_heads},
            {"vocab", text.vocab_size},
            {"max_positions", text.max_position_embeddings},
            {"yarn_factor", text.yarn ? Json(text.yarn->factor) : Json()},
            {"tied_head", files.config.tie_word_embeddings}}},
          {"vision",
           {{"blocks", vision.depth},
            {"hidden", vision.hidden_size},
            {"heads", vision.num_heads},
            {"deepstack", vision.deepstack_visual_indexes}}},
          {"parts", parts},
          {"kv_bytes_per_token", kv},
          {"memory_usable_bytes", memory},
          {"context_tokens_that_fit",
           {{"as_stored", context_that_fits(memory, stored, kv, text.max_position_embeddings)},
            {"int8", context_that_fits(memory, int8, kv, text.max_position_embeddings)}}},
          {"problems", summary.problems},
          {"verified", options.verify && files.checkpoint.packed()}};
}

std::string size_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return value >= 1e8 ? fmt::format("{:.2f} GB", value * 1e-9)
                      : fmt::format("{:.2f} MB", value * 1e-6);
}

std::string fit_text(std::int64_t tokens) {
  return tokens < 0 ? "does not fit" : fmt::format("fits with {} tokens of context", tokens);
}

void print_text(const Json& json, const Summary& summary) {
  const Json& text = json["text"];
  const Json& vision = json["vision"];
  fmt::print("{}\n", json["path"].get<std::string>());
  fmt::print("  Qwen3-VL, {:.3f} G parameters, {} tensors, {}, {}\n",
             json["parameters"].get<double>() * 1e-9, summary.tensors,
             json["form"].get<std::string>(), size_text(json["file_bytes"].get<std::uint64_t>()));
  fmt::print(
      "  text: {} layers of {}, {} heads ({} for keys and values), vocabulary {}, {} positions{}\n",
      text["layers"].get<int>(), text["hidden"].get<int>(), text["heads"].get<int>(),
      text["kv_heads"].get<int>(), text["vocab"].get<int>(),
      text["max_positions"].get<std::int64_t>(),
      text["yarn_factor"].is_null() ? ""
                                    : fmt::format(", YaRN x{}", text["yarn_factor"].get<double>()));
  fmt::print("  vision: {} blocks of {}, {} heads, DeepStack after blocks {}\n\n",
             vision["blocks"].get<int>(), vision["hidden"].get<int>(), vision["heads"].get<int>(),
             vision["deepstack"].dump());
  fmt::print("  {:<20}{:>14}{:>12}{:>12}   {}\n", "part", "parameters", "stored", "as int8",
             "formats");
  for (const Part& part : summary.parts) {
    std::string formats;
    for (const auto& [name, bytes] : part.formats) {
      formats += fmt::format("{}{} {}", formats.empty() ? "" : ", ", name, size_text(bytes));
    }
    fmt::print("  {:<20}{:>14}{:>12}{:>12}   {}\n", part.name, part.parameters,
               size_text(part.bytes), size_text(part.int8_bytes), formats);
  }
  const Json& fits = json["context_tokens_that_fit"];
  fmt::print("\n  each token of context takes {} bytes (bf16 keys and values)\n",
             json["kv_bytes_per_token"].get<std::int64_t>());
  fmt::print("  this machine has {} to give: as stored it {}, as int8 it {}\n",
             size_text(json["memory_usable_bytes"].get<std::uint64_t>()),
             fit_text(fits["as_stored"].get<std::int64_t>()),
             fit_text(fits["int8"].get<std::int64_t>()));
  if (json["verified"].get<bool>()) {
    fmt::print("  every checksum matches\n");
  }
}

Status inspect(const InspectOptions& options) {
  MONOCLE_ASSIGN(const ModelFiles files, open_files(options.path));
  if (options.verify) {
    MONOCLE_TRY(files.checkpoint.verify());
  }
  const Summary summary = summarise(files.checkpoint, files.config);
  const Json json = to_json(options, files, summary);
  if (options.json) {
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    print_text(json, summary);
  }
  if (!summary.problems.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "{}: {} of the model's tensors cannot be used; the first: {}", options.path,
                summary.problems.size(), summary.problems.front());
  }
  return {};
}

}  // namespace

Action add_inspect(Flags& app) {
  auto options = std::make_shared<InspectOptions>();
  app.footer("Example: monocle inspect Qwen3-VL-2B-Instruct");
  app.add_option("model", options->path, "Checkpoint: a Hugging Face directory or a packed file")
      .required();
  app.add_flag("--verify", options->verify,
               "Packed files: read everything and compare the checksums");
  app.add_flag("--json", options->json, "Print one JSON object");
  return [options] {
    const Status status = inspect(*options);
    return status ? 0 : report(status.error());
  };
}

}  // namespace monocle::app
