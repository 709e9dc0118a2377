// SPDX-License-Identifier: Apache-2.0
#include "open_model.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "model/qwen3_vl/prompt.h"
#include "quant/format.h"

namespace monocle::app {
namespace {

namespace fs = std::filesystem;

// A document that must be there, as text.
Result<std::string_view> document(const Checkpoint& checkpoint, Document which,
                                  const std::string& path) {
  const auto bytes = checkpoint.document(which);
  if (!bytes) {
    return fail(ErrorCode::kNotFound, "{} has no {}", path, document_info(which).file_name);
  }
  return std::string_view(reinterpret_cast<const char*>(bytes->data()), bytes->size());
}

template <class Parse>
auto parsed(const Checkpoint& checkpoint, Document which, const std::string& path, Parse parse)
    -> decltype(parse(std::string_view())) {
  MONOCLE_ASSIGN(const std::string_view text, document(checkpoint, which, path));
  auto value = parse(text);
  if (!value) {
    return prefixed(path, std::move(value).error());
  }
  return value;
}

Status read_files(const std::string& path, OpenedModel& model) {
  const Checkpoint& checkpoint = *model.checkpoint;
  MONOCLE_ASSIGN(model.config, parsed(checkpoint, Document::kConfig, path, qwen3_vl::parse_config));
  MONOCLE_ASSIGN(model.generation,
                 parsed(checkpoint, Document::kGenerationConfig, path, [&](std::string_view json) {
                   return qwen3_vl::parse_generation_config(json, model.config.text.vocab_size);
                 }));
  MONOCLE_ASSIGN(model.image, parsed(checkpoint, Document::kPreprocessor, path,
                                     qwen3_vl::parse_preprocess_config));
  if (checkpoint.document(Document::kVideoPreprocessor)) {
    MONOCLE_ASSIGN(model.video, parsed(checkpoint, Document::kVideoPreprocessor, path,
                                       qwen3_vl::parse_video_config));
  }
  MONOCLE_ASSIGN(model.tokenizer, parsed(checkpoint, Document::kTokenizer, path, Tokenizer::load));
  return qwen3_vl::check_prompt_tokens(model.config, *model.tokenizer);
}

// Where the demo model of this program may lie.
std::vector<fs::path> demo_places() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  return {"models/demo", program / "../share/monocle/models/demo",
          program / "../../../models/demo"};
}

}  // namespace

void ModelOptions::add(Flags& app) {
  app.add_option("-m,--model", path,
                 "Checkpoint: a Hugging Face directory or a packed file (default: the demo model)")
      .group("Model");
  app.add_option(
         "--quant", quant,
         "Weight format of the text layers: none (as stored), f32, bf16, int8, int4, fp8 (for "
         "GPUs; works on a CPU, slowly)")
      .capture_default_str()
      .one_of({"none", "f32", "bf16", "int8", "int4", "fp8"})
      .group("Model");
  app.add_option("--compute", compute, "Arithmetic: auto, or f32 (slower, for comparisons)")
      .capture_default_str()
      .one_of({"auto", "f32"})
      .group("Model");
  app.add_option("--kv", kv,
                 "Element type of the KV cache: auto, f32, bf16, or int8 (half the memory)")
      .capture_default_str()
      .one_of({"auto", "f32", "bf16", "int8"})
      .group("Model");
  device.add(app);
}

Result<qwen3_vl::WeightOptions> ModelOptions::weights() const {
  if (quant == "none") {
    return qwen3_vl::WeightOptions{};
  }
  const FormatInfo* info = find_format(quant);
  if (info == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "--quant {} is not a weight format", quant);
  }
  return qwen3_vl::weights_in(info->format);
}

qwen3_vl::Precision ModelOptions::precision() const {
  return compute == "f32" ? qwen3_vl::Precision::kF32 : qwen3_vl::Precision::kAuto;
}

DType ModelOptions::kv_dtype(DType automatic) const {
  return kv == "int8"   ? DType::kI8
         : kv == "bf16" ? DType::kBF16
         : kv == "f32"  ? DType::kF32
                        : automatic;
}

Status ModelOptions::choose_kv(qwen3_vl::Qwen3Vl& model) const {
  return model.use_kv(kv_dtype(model.kv()));
}

Result<std::string> default_model_path() {
  if (const char* path = std::getenv("MONOCLE_MODEL"); path != nullptr && *path != '\0') {
    return std::string(path);
  }
  std::error_code ignored;
  for (const fs::path& candidate : demo_places()) {
    if (fs::exists(candidate / "config.json", ignored)) {
      return candidate.lexically_normal().string();
    }
  }
  return fail(ErrorCode::kNotFound,
              "no model: give --model DIR or set MONOCLE_MODEL (no models/demo was found)");
}

bool is_demo_model(const std::string& path) {
  const std::vector<fs::path> places = demo_places();
  return std::any_of(places.begin(), places.end(), [&](const fs::path& place) {
    std::error_code ignored;
    return fs::equivalent(path, place, ignored);
  });
}

Result<ModelFiles> open_files(const std::string& path) {
  MONOCLE_ASSIGN(Checkpoint checkpoint, Checkpoint::open(path, MapAdvice::kNormal));
  MONOCLE_ASSIGN(qwen3_vl::Config config,
                 parsed(checkpoint, Document::kConfig, path, qwen3_vl::parse_config));
  return ModelFiles{std::move(checkpoint), std::move(config)};
}

namespace {

// A device may break down while it is filled; it says so by an exception.
Result<std::unique_ptr<qwen3_vl::Qwen3Vl>> load_weights(const ModelOptions& options,
                                                        const OpenedModel& opened,
                                                        Backend& backend) {
  try {
    MONOCLE_ASSIGN(const qwen3_vl::WeightOptions weights, options.weights());
    ThreadPool pool(options.device.resolved_threads());
    MONOCLE_ASSIGN(auto model, qwen3_vl::Qwen3Vl::load(
                                   opened.config, weights, options.precision(),
                                   [&](std::string_view name, std::span<const std::int64_t>) {
                                     return opened.checkpoint->load(name);
                                   },
                                   backend, pool));
    MONOCLE_TRY(options.choose_kv(*model));
    return model;
  } catch (const std::exception& error) {
    return fail(ErrorCode::kUnavailable, "{}: {}", backend.capabilities().name, error.what());
  }
}

Status load_replicas(const ModelOptions& options, OpenedModel& opened) {
  std::vector<Status> done(opened.others.size());
  std::vector<std::thread> loaders;
  for (std::size_t i = 0; i < opened.others.size(); ++i) {
    loaders.emplace_back([&, i] {
      Replica& replica = opened.others[i];
      auto model = load_weights(options, opened, *replica.backend);
      if (model) {
        replica.model = std::move(*model);
      } else {
        done[i] = tl::unexpected<Error>(std::move(model).error());
      }
    });
  }
  auto first = load_weights(options, opened, *opened.backend);
  for (std::thread& loader : loaders) {
    loader.join();
  }
  MONOCLE_ASSIGN(opened.model, std::move(first));
  for (Status& status : done) {
    MONOCLE_TRY(std::move(status));
  }
  return {};
}

Status open_on(const ModelOptions& options, FunctionRef<Status(OpenedModel&)> before_load,
               OpenedModel& opened) {
  opened.others.clear();
  opened.model.reset();
  MONOCLE_ASSIGN(std::vector<std::unique_ptr<Backend>> backends, make_backends(options.device));
  opened.backend = std::move(backends.front());
  for (std::size_t i = 1; i < backends.size(); ++i) {
    opened.others.push_back({std::move(backends[i]), nullptr});
  }
  MONOCLE_TRY(before_load(opened));
  return load_replicas(options, opened);
}

}  // namespace

Result<std::unique_ptr<OpenedModel>> open_replicas(const ModelOptions& options,
                                                   FunctionRef<Status(OpenedModel&)> before_load) {
  std::string path = options.path;
  if (path.empty()) {
    MONOCLE_ASSIGN(path, default_model_path());
  }
  auto opened = std::make_unique<OpenedModel>();
  MONOCLE_ASSIGN(Checkpoint checkpoint, Checkpoint::open(path, MapAdvice::kNormal));
  opened->checkpoint = std::make_unique<Checkpoint>(std::move(checkpoint));
  MONOCLE_TRY(read_files(path, *opened));
  Status status = open_on(options, before_load, *opened);
  const bool on_gpu = opened->backend && !opened->backend->capabilities().host_memory;
  if (!status && options.device.device == "auto" && on_gpu &&
      status.error().code == ErrorCode::kTooLarge) {
    fmt::print(stderr, "monocle: computing on the CPU: {}\n", status.error().message);
    ModelOptions on_cpu = options;
    on_cpu.device.device = "cpu";
    status = open_on(on_cpu, before_load, *opened);
  }
  MONOCLE_TRY(std::move(status));
  return opened;
}

Result<std::unique_ptr<OpenedModel>> open_model(const ModelOptions& options) {
  MONOCLE_TRY(check_one_device(options.device));
  return open_replicas(options, [](OpenedModel&) { return Status(); });
}

}  // namespace monocle::app
