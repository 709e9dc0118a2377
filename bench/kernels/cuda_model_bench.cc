// SPDX-License-Identifier: Apache-2.0
// Decode, prefill and picture encoding of a model of random weights on cuda:0, in process, as one
// JSON object.
//   cuda_model_bench [preset] [format] [batches] [parts] [kv]
// presets and formats as in `monocle bench model`; batches: 1,8,32; parts: text,stages,vision; kv:
// auto or int8
// decode: B sequences with 512 tokens in the cache each, time of whole engine steps, sampling
// included: greedy, or with MONOCLE_SAMPLING=70,20,80 at temperature 0.7 with top_k 20 and top_p
// 0.8. idle: from the end of a step's wait to the launch of the next step, when the device has
// nothing to do. Share of the roof: weights and cache bytes of a step over its time, over the read
// bandwidth measured just before.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cuda/cuda_backend.h"
#include "engine/engine.h"
#include "model/qwen3_vl/cost.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "model/qwen3_vl/random_weights.h"

namespace {

using namespace monocle;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kContext = 512;
constexpr std::int32_t kGenerated = 64;
constexpr std::int32_t kRepeats = 5;
constexpr int kPromptsAtOnce = 32;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Json spread(std::vector<double> samples) {
  std::ranges::sort(samples);
  return {
      {"median", samples[samples.size() / 2]}, {"min", samples.front()}, {"max", samples.back()}};
}
double median(std::vector<double> samples) {
  std::ranges::sort(samples);
  return samples[samples.size() / 2];
}

// Forwards to a backend but for the verbs in `left_out`: what a step takes without a verb says what
// the verb costs inside the step, with its neighbours running.
class Partial final : public Backend {
 public:
  enum Verb : unsigned { kNorm = 1, kLinear = 2, kRope = 4, kAttend = 8 };
  explicit Partial(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}
  void leave_out(unsigned verbs) { left_out_ = verbs; }

  const Capabilities& capabilities() const override { return inner_->capabilities(); }
  Memory& memory() override { return inner_->memory(); }
  void embed(const EmbedArgs& args) override { inner_->embed(args); }
  void norm(const NormArgs& args) override {
    run(kNorm, [&] { inner_->norm(args); });
  }
  void linear(const LinearArgs& args) override {
    run(kLinear, [&] { inner_->linear(args); });
  }
  void rope_append(const RopeAppendArgs& args) override {
    run(kRope, [&] { inner_->rope_append(args); });
  }
  void attend_paged(const AttendPagedArgs& args) override {
    run(kAttend, [&] { inner_->attend_paged(args); });
  }
  void attend_packed(const AttendPackedArgs& args) override { inner_->attend_packed(args); }
  void add_rows(const AddRowsArgs& args) override { inner_->add_rows(args); }
  void gather_rows(const GatherRowsArgs& args) override { inner_->gather_rows(args); }
  void blend_rows(const BlendRowsArgs& args) override { inner_->blend_rows(args); }
  void expand_pixels(const ExpandPixelsArgs& args) override { inner_->expand_pixels(args); }
  void sample(const SampleArgs& args) override { inner_->sample(args); }
  Ticket mark() override { return inner_->mark(); }
  void wait(Ticket ticket) override {
    inner_->wait(ticket);
    waited_ = Clock::now();
  }
  void replay(GraphKey key, FunctionRef<void()> enqueue) override {
    inner_->replay(key + 0x9e3779b97f4a7c15ULL * left_out_, enqueue);
    idle_.push_back(seconds_since(waited_));
  }
  std::vector<double> take_idle() { return std::exchange(idle_, {}); }

 private:
  template <class Call>
  void run(unsigned verb, Call call) {
    if ((left_out_ & verb) == 0) {
      call();
    }
  }
  std::unique_ptr<Backend> inner_;
  unsigned left_out_ = 0;
  Clock::time_point waited_;
  std::vector<double> idle_;
};

struct Bench {
  qwen3_vl::Config config;
  std::unique_ptr<Partial> backend;
  std::unique_ptr<qwen3_vl::Qwen3Vl> model;
  double read_gb_s = 0;
  SamplingParams sampling;

  Request request(std::int64_t tokens, std::int32_t answer, std::int64_t salt) const {
    Request out;
    for (std::int64_t i = 0; i < tokens; ++i) {
      out.prompt.token_ids.push_back(
          static_cast<std::int32_t>(1 + (i * 7919 + salt * 104729) % (model->facts().vocab - 1)));
    }
    for (int axis = 0; axis < 3; ++axis) {
      for (std::int64_t i = 0; i < tokens; ++i) {
        out.prompt.positions.push_back(static_cast<std::int32_t>(i));
      }
    }
    out.max_tokens = answer;
    out.use_prefix_cache = false;
    out.sampling = sampling;
    out.sampling.seed = static_cast<std::uint64_t>(salt);
    return out;
  }

  // One prompt step of all sequences' prompts, then decode steps; false when a request failed.
  Status generate(std::int32_t batch, std::vector<double>& prefill, std::vector<double>& decode) {
    for (std::int32_t i = 0; i < batch; ++i) {
      auto submitted = engine->submit(request(kContext, kGenerated, i));
      if (!submitted) {
        return tl::unexpected<Error>(submitted.error());
      }
    }
    std::vector<TokenEvent> events;
    bool first = true;
    while (!engine->idle()) {
      events.clear();
      const Clock::time_point start = Clock::now();
      engine->step(events);
      (first ? prefill : decode).push_back(seconds_since(start));
      first = false;
      for (const TokenEvent& event : events) {
        if (event.finish == FinishReason::kError) {
          return fail(ErrorCode::kInternal, "{}", event.error);
        }
      }
    }
    return {};
  }

  Result<Json> text(std::int32_t batch) {
    // A workspace is planned once per model; the engine of the largest batch serves all.
    std::vector<double> prefill;
    std::vector<double> decode;
    double idle = 0;
    for (std::int32_t i = 0; i <= kRepeats; ++i) {
      std::vector<double> prompt_times;
      std::vector<double> step_times;
      MONOCLE_TRY(generate(batch, prompt_times, step_times));
      if (i > 0) {  // the first run warms up and records
        prefill.push_back(prompt_times.front());
        decode.push_back(median(step_times));
      }
      idle = median(backend->take_idle());
    }
    const double step = median(decode);
    const double cache =
        static_cast<double>(batch) *
        qwen3_vl::kv_read_bytes(config.text, kContext + kGenerated / 2, model->kv());
    const double bytes = static_cast<double>(model->facts().decode_weight_bytes) + cache;
    const int prompts = std::min(batch, kPromptsAtOnce);  // of the first step
    const double tokens = static_cast<double>(prompts) * static_cast<double>(kContext);
    const double flops = qwen3_vl::prefill_flops(config.text, kContext, 0) * prompts;
    return Json{{"batch", batch},
                {"context", kContext},
                {"decode_step_s", spread(decode)},
                {"decode_tok_s", batch / step},
                {"decode_idle_s", idle},
                {"decode_gb_s", bytes / step * 1e-9},
                {"decode_share_of_read_roof", bytes / step * 1e-9 / read_gb_s},
                {"prefill_s", spread(prefill)},
                {"prefill_tok_s", tokens / median(prefill)},
                {"prefill_tflop_s", flops / median(prefill) * 1e-12}};
  }

  // Median step without each verb.
  Result<Json> stages(std::int32_t batch) {
    Json out = {{"batch", batch}};
    const std::pair<const char*, unsigned> variants[] = {
        {"all", 0U},
        {"no_norm", Partial::kNorm},
        {"no_linear", Partial::kLinear},
        {"no_rope", Partial::kRope},
        {"no_attend", Partial::kAttend},
        {"linear_only", Partial::kNorm | Partial::kRope | Partial::kAttend}};
    for (const auto& [name, verbs] : variants) {
      backend->leave_out(verbs);
      std::vector<double> prefill;
      std::vector<double> decode;
      MONOCLE_TRY(generate(batch, prefill, decode));
      out[name] = {{"decode_s", median(decode)}, {"prefill_s", median(prefill)}};
    }
    backend->leave_out(0);
    return out;
  }

  Result<Json> vision(std::int32_t side) {
    const std::int32_t patches_side = side / config.vision.patch_size;
    const GridThw grid{1, patches_side, patches_side};
    const Patches patches = qwen3_vl::random_patches(config.vision, grid, 1);
    MONOCLE_ASSIGN(
        MediaRows rows,
        MediaRows::allocate(backend->memory(), grid.tokens(config.vision.spatial_merge_size),
                            1 + model->facts().deepstack_levels, model->facts().hidden));
    std::vector<double> samples;
    for (std::int32_t i = 0; i <= kRepeats; ++i) {
      const Clock::time_point start = Clock::now();
      MONOCLE_TRY(model->encode_media(patches, rows, 0, nullptr));
      backend->wait(backend->mark());
      if (i > 0) {
        samples.push_back(seconds_since(start));
      }
    }
    return Json{{"image_side", side},
                {"encode_s", spread(samples)},
                {"tflop_s", qwen3_vl::vision_flops(config.vision, grid) / median(samples) * 1e-12}};
  }

  std::unique_ptr<Engine> engine;
};

Result<qwen3_vl::WeightOptions> weights_named(const std::string& format) {
  const FormatInfo* info = find_format(format);
  if (info == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "'{}' is not a weight format", format);
  }
  return qwen3_vl::weights_in(info->format);
}

EngineLimits engine_limits(const std::vector<std::int32_t>& batches, DType kv) {
  EngineLimits limits;
  limits.step_tokens = kPromptsAtOnce * kContext;
  limits.sequences = std::max(32, *std::ranges::max_element(batches));
  limits.context_tokens = kContext + kGenerated + 2;
  limits.kv = kv;
  limits.patches = 128 * 128;
  return limits;
}

std::vector<std::int32_t> numbers(const std::string& list) {
  std::vector<std::int32_t> out;
  std::istringstream stream(list);
  for (std::string one; std::getline(stream, one, ',');) {
    out.push_back(std::stoi(one));
  }
  return out;
}

SamplingParams sampling_of(const char* list) {
  SamplingParams out;
  if (list != nullptr) {
    std::vector<std::int32_t> values = numbers(list);  // temperature and top_p in percent
    values.resize(3, 0);
    out.temperature = static_cast<float>(values[0]) / 100.0F;
    out.top_k = values[1];
    out.top_p = values[2] > 0 ? static_cast<float>(values[2]) / 100.0F : 1.0F;
  }
  return out;
}

bool is_set(const char* name) { return std::getenv(name) != nullptr; }

Result<std::unique_ptr<Backend>> make_backend() {
  return cuda::make_cuda_backend({.overlap = !is_set("MONOCLE_NO_OVERLAP"),
                                  .whole_layers = !is_set("MONOCLE_NO_LAYERS"),
                                  .batch_invariant = is_set("MONOCLE_BATCH_INVARIANT")});
}

Status run(const std::string& preset, const std::string& format,
           const std::vector<std::int32_t>& batches, const std::string& parts,
           const std::string& kv, Json& out) {
  const auto wanted = [&](const char* part) { return parts.find(part) != std::string::npos; };
  Bench bench;
  bench.sampling = sampling_of(std::getenv("MONOCLE_SAMPLING"));
  MONOCLE_ASSIGN(const cuda::CudaRoof roof, cuda::measure_roof({}));
  bench.read_gb_s = roof.read_gb_s;
  MONOCLE_ASSIGN(bench.config, qwen3_vl::preset_config(preset));
  MONOCLE_ASSIGN(auto backend, make_backend());
  bench.backend = std::make_unique<Partial>(std::move(backend));
  MONOCLE_ASSIGN(const qwen3_vl::WeightOptions weights, weights_named(format));
  ThreadPool pool(16);
  const auto source = [&](std::string_view name,
                          std::span<const std::int64_t> shape) -> Result<LoadedTensor> {
    return qwen3_vl::random_tensor(name, shape, pool);
  };
  const Clock::time_point start = Clock::now();
  MONOCLE_ASSIGN(bench.model,
                 qwen3_vl::Qwen3Vl::load(bench.config, weights, qwen3_vl::Precision::kAuto, source,
                                         *bench.backend, pool));
  if (kv == "int8") {
    MONOCLE_TRY(bench.model->use_kv(DType::kI8));
  }
  out = {{"device", bench.backend->capabilities().name},
         {"model", "random " + preset},
         {"format", format},
         {"kv", dtype_name(bench.model->kv())},
         {"temperature", bench.sampling.temperature},
         {"overlap", !is_set("MONOCLE_NO_OVERLAP")},
         {"batch_invariant", is_set("MONOCLE_BATCH_INVARIANT")},
         {"read_roof_gb_s", roof.read_gb_s},
         {"load_s", seconds_since(start)}};
  std::fprintf(stderr, "%s\n", out.dump().c_str());
  const EngineLimits limits = engine_limits(batches, bench.model->kv());
  MONOCLE_ASSIGN(bench.engine, Engine::create(*bench.model, *bench.backend, limits));
  for (const std::int32_t batch : batches) {
    MONOCLE_ASSIGN(Json result, bench.text(batch));
    std::fprintf(stderr, "%s\n", result.dump().c_str());
    out["text"].push_back(std::move(result));
    if (!wanted("stages")) {
      continue;
    }
    MONOCLE_ASSIGN(Json stages, bench.stages(batch));
    std::fprintf(stderr, "%s\n", stages.dump().c_str());
    out["stages"].push_back(std::move(stages));
  }
  for (const std::int32_t side : {1024, 2048}) {
    if (!wanted("vision")) {
      break;
    }
    MONOCLE_ASSIGN(Json result, bench.vision(side));
    std::fprintf(stderr, "%s\n", result.dump().c_str());
    out["vision"].push_back(std::move(result));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Json out;
  try {
    const auto status =
        run(argc > 1 ? argv[1] : "2b", argc > 2 ? argv[2] : "bf16",
            numbers(argc > 3 ? argv[3] : "1,8,32"), argc > 4 ? argv[4] : "text,stages,vision",
            argc > 5 ? argv[5] : "auto", out);
    if (!status) {
      out["error"] = status.error().message;
    }
  } catch (const std::exception& error) {
    out["error"] = error.what();
  }
  std::printf("%s\n", out.dump(2).c_str());
  return out.contains("error") ? 1 : 0;
}
