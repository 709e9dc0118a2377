// SPDX-License-Identifier: Apache-2.0
#include "bench_model.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "engine/engine.h"
#include "model/qwen3_vl/cost.h"
#include "model/qwen3_vl/random_weights.h"
#include "quant/format.h"
#include "roof.h"

namespace monocle::app {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Spread spread_of(std::vector<double> samples) {
  std::ranges::sort(samples);
  return {samples[samples.size() / 2], samples.front(), samples.back()};
}

// Steps of decode, each with a sample of what the memory gave right after it.
struct DecodeSamples {
  std::vector<double> seconds;
  std::vector<double> read_gb_s;  // empty where memory is not sampled
};

std::size_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::size_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) {
      return kilobytes * 1024;
    }
  }
  return 0;
}

// A model from a checkpoint or from random numbers, and how long it took to be ready.
struct Subject {
  std::unique_ptr<OpenedModel> opened;
  double load_seconds = 0;
};

Result<Subject> open_subject(const BenchModelOptions& options) {
  Subject subject;
  const Clock::time_point start = Clock::now();
  if (options.random.empty()) {
    MONOCLE_ASSIGN(subject.opened, open_model(options.model));
    subject.load_seconds = seconds_since(start);
    return subject;
  }
  auto opened = std::make_unique<OpenedModel>();
  MONOCLE_ASSIGN(opened->config, qwen3_vl::preset_config(options.random));
  MONOCLE_ASSIGN(opened->backend, make_backend(options.model.device));
  MONOCLE_ASSIGN(const qwen3_vl::WeightOptions weights, options.model.weights());
  ThreadPool pool(options.model.device.resolved_threads());
  double making_numbers = 0;
  const auto source = [&](std::string_view name,
                          std::span<const std::int64_t> shape) -> Result<LoadedTensor> {
    const Clock::time_point before = Clock::now();
    LoadedTensor tensor = qwen3_vl::random_tensor(name, shape, pool);
    making_numbers += seconds_since(before);
    return tensor;
  };
  MONOCLE_ASSIGN(opened->model,
                 qwen3_vl::Qwen3Vl::load(opened->config, weights, options.model.precision(), source,
                                         *opened->backend, pool));
  MONOCLE_TRY(options.model.choose_kv(*opened->model));
  subject.load_seconds = seconds_since(start) - making_numbers;
  subject.opened = std::move(opened);
  return subject;
}

class ModelBench {
 public:
  ModelBench(const BenchModelOptions& options, OpenedModel& model)
      : options_(options),
        opened_(model),
        probe_(MemoryProbe::create(options.model.device, model.backend->capabilities().name)) {}

  Status run(BenchModelResult& result) {
    MONOCLE_TRY(open_engine());
    if (options_.image > 0) {
      MONOCLE_ASSIGN(result.vision.emplace_back(), vision());
    }
    for (const std::int64_t depth : options_.depths) {
      MONOCLE_TRY(text(depth, result));
      for (const std::int32_t batch : options_.batches) {
        if (batch > 1 && options_.gen > 0) {
          MONOCLE_ASSIGN(result.decode.emplace_back(), decode_together(depth, batch));
        }
      }
    }
    return {};
  }

 private:
  [[nodiscard]] GridThw grid() const {
    const std::int32_t factor =
        opened_.config.vision.patch_size * opened_.config.vision.spatial_merge_size;
    const auto side = static_cast<std::int32_t>(options_.image / factor *
                                                opened_.config.vision.spatial_merge_size);
    return {1, side, side};
  }

  Status open_engine() {
    const std::int64_t deepest = std::ranges::max(options_.depths);
    EngineLimits limits;
    limits.step_tokens = std::max<std::int64_t>(options_.prompt, 512);
    limits.sequences = std::ranges::max(options_.batches);
    limits.context_tokens =
        deepest + options_.prompt + answer_tokens(deepest, limits.sequences) + 1;
    // A sequence is admitted when a block for every other one is left besides its own.
    limits.kv_tokens = limits.sequences * (limits.context_tokens + 2 * limits.block_tokens);
    limits.merge = opened_.config.vision.spatial_merge_size;
    limits.kv = opened_.model->kv();
    limits.patches = std::max<std::int64_t>(grid().patches(), 4);
    limits.media_rows = std::max<std::int64_t>(grid().tokens(limits.merge), 1);
    kv_ = limits.kv;
    MONOCLE_ASSIGN(engine_, Engine::create(*opened_.model, *opened_.backend, limits));
    MONOCLE_ASSIGN(media_, MediaRows::allocate(opened_.backend->memory(), limits.media_rows,
                                               1 + opened_.model->facts().deepstack_levels,
                                               opened_.model->facts().hidden));
    return {};
  }

  Result<PhaseResult> vision() {
    const Patches patches = qwen3_vl::random_patches(opened_.config.vision, grid(), 1);
    std::vector<double> samples;
    for (std::int32_t i = 0; i <= options_.repeats; ++i) {
      const Clock::time_point start = Clock::now();
      MONOCLE_TRY(opened_.model->encode_media(patches, *media_, 0, nullptr));
      opened_.backend->wait(opened_.backend->mark());
      if (i > 0 || options_.repeats == 0) {  // the first run warms up
        samples.push_back(seconds_since(start));
      }
    }
    PhaseResult phase;
    phase.seconds = spread_of(std::move(samples));
    phase.tokens = static_cast<double>(grid().tokens(opened_.config.vision.spatial_merge_size));
    phase.flops = qwen3_vl::vision_flops(opened_.config.vision, grid());
    return phase;
  }

  Request request(std::int64_t tokens, std::int64_t answer) const {
    Request out;
    for (std::int64_t i = 0; i < tokens; ++i) {
      out.prompt.token_ids.push_back(
          static_cast<std::int32_t>(1 + i * 7919 % (opened_.model->facts().vocab - 1)));
    }
    for (int axis = 0; axis < 3; ++axis) {
      for (std::int64_t i = 0; i < tokens; ++i) {
        out.prompt.positions.push_back(static_cast<std::int32_t>(i));
      }
    }
    out.max_tokens = static_cast<std::int32_t>(answer);
    out.use_prefix_cache = false;  // every repetition computes its prompt
    return out;
  }

  // Fills the cache to `depth`, then times the prompt and each generated token behind it.
  Status text(std::int64_t depth, BenchModelResult& result) {
    std::vector<double> prefill_samples;
    DecodeSamples decode_samples;
    for (std::int32_t i = 0; i <= options_.repeats; ++i) {
      const bool counts = i > 0 || options_.repeats == 0;
      MONOCLE_TRY(time_text(depth, counts ? &prefill_samples : nullptr,
                            counts ? &decode_samples : nullptr));
    }
    const qwen3_vl::TextConfig& config = opened_.config.text;
    PhaseResult prefill;
    prefill.depth = depth;
    prefill.seconds = spread_of(std::move(prefill_samples));
    prefill.tokens = static_cast<double>(options_.prompt);
    prefill.flops = qwen3_vl::prefill_flops(config, options_.prompt, depth);
    result.prefill.push_back(prefill);
    if (options_.gen > 0) {
      result.decode.push_back(decode_phase(depth, 1, decode_samples));
    }
    return {};
  }

  [[nodiscard]] PhaseResult decode_phase(std::int64_t depth, std::int32_t batch,
                                         const DecodeSamples& samples) const {
    PhaseResult decode;
    decode.depth = depth;
    decode.batch = batch;
    decode.seconds = spread_of(samples.seconds);
    decode.tokens = batch;
    const std::int64_t middle = depth + options_.prompt + options_.gen / 2;
    decode.bytes = static_cast<double>(opened_.model->facts().decode_weight_bytes) +
                   batch * qwen3_vl::kv_read_bytes(opened_.config.text, middle, kv_);
    if (!samples.read_gb_s.empty()) {
      std::vector<double> shares;
      for (std::size_t i = 0; i < samples.seconds.size(); ++i) {
        shares.push_back(decode.bytes / samples.seconds[i] / (samples.read_gb_s[i] * 1e9));
      }
      decode.read_gb_s = spread_of(samples.read_gb_s).median;
      decode.memory_share = spread_of(std::move(shares)).median;
    }
    return decode;
  }

  void add(DecodeSamples& samples, double seconds) {
    samples.seconds.push_back(seconds);
    if (probe_ != nullptr) {
      samples.read_gb_s.push_back(probe_->gb_s());
    }
  }

  // Sequences whose prompts are done answer while others' are computed: they need tokens for that,
  // so that `gen` steps remain in which all of them take part.
  [[nodiscard]] std::int64_t answer_tokens(std::int64_t depth, std::int32_t batch) const {
    return options_.gen + batch * (depth + options_.prompt) / step_tokens() + batch;
  }

  // Times the steps in which `batch` sequences, each behind its own `depth` tokens, get one token.
  Result<PhaseResult> decode_together(std::int64_t depth, std::int32_t batch) {
    DecodeSamples samples;
    for (std::int32_t i = 0; i <= options_.repeats; ++i) {
      for (std::int32_t sequence = 0; sequence < batch; ++sequence) {
        MONOCLE_TRY(engine_->submit(request(depth + options_.prompt, answer_tokens(depth, batch))));
      }
      std::int64_t together = 0;
      std::vector<TokenEvent> events;
      while (!engine_->idle()) {
        events.clear();
        const Clock::time_point start = Clock::now();
        engine_->step(events);
        const double seconds = seconds_since(start);
        const auto tokens = std::ranges::count_if(
            events, [](const TokenEvent& event) { return event.token_id >= 0; });
        // The first step with a token for everyone is the one in which the last prompt ends.
        if (tokens == batch && ++together > 1 && together <= options_.gen + 1 &&
            (i > 0 || options_.repeats == 0)) {
          add(samples, seconds);
        }
      }
    }
    if (samples.seconds.empty()) {
      return fail(ErrorCode::kUnavailable, "--batch {}: no step had a token for every sequence",
                  batch);
    }
    return decode_phase(depth, batch, samples);
  }

  // The prompt is the last `prompt` tokens of the request; steps before it only fill the cache.
  Status time_text(std::int64_t depth, std::vector<double>* prefill, DecodeSamples* decode) {
    MONOCLE_TRY(engine_->submit(request(depth + options_.prompt, options_.gen + 1)));
    std::vector<TokenEvent> events;
    std::int64_t done = 0;
    double prompt_seconds = 0;
    while (!engine_->idle()) {
      events.clear();
      const Clock::time_point start = Clock::now();
      engine_->step(events);
      const double seconds = seconds_since(start);
      if (done < depth + options_.prompt) {
        const std::int64_t before = done;
        done = std::min(done + step_tokens(), depth + options_.prompt);
        // A step that straddles the border counts by its share of prompt tokens.
        const std::int64_t counted = done - std::max(before, std::min(depth, done));
        prompt_seconds +=
            seconds * static_cast<double>(counted) / static_cast<double>(done - before);
        if (done == depth + options_.prompt && prefill != nullptr) {
          prefill->push_back(prompt_seconds);
        }
      } else if (decode != nullptr) {
        add(*decode, seconds);
      }
    }
    return {};
  }

  [[nodiscard]] std::int64_t step_tokens() const {
    return std::max<std::int64_t>(options_.prompt, 512);
  }

  const BenchModelOptions& options_;
  OpenedModel& opened_;
  std::unique_ptr<Engine> engine_;
  std::optional<MediaRows> media_;
  std::unique_ptr<MemoryProbe> probe_;
  DType kv_ = DType::kF32;
};

}  // namespace

Result<BenchModelResult> bench_model(const BenchModelOptions& options) {
  BenchModelResult result;
  MONOCLE_ASSIGN(Subject subject, open_subject(options));
  const std::string& backend = subject.opened->backend->capabilities().name;
  MONOCLE_ASSIGN(result.roof, measure_roof(options.model.device, backend));
  MONOCLE_TRY(ModelBench(options, *subject.opened).run(result));
  const qwen3_vl::Qwen3Vl& model = *subject.opened->model;
  result.model = options.random.empty() ? options.model.path : "random " + options.random;
  result.backend = subject.opened->backend->capabilities().name;
  result.format = model.facts().text_format;
  result.activation = dtype_name(model.activation());
  result.threads = options.model.device.resolved_threads();
  result.load_seconds = subject.load_seconds;
  result.weight_bytes = model.facts().weight_bytes;
  result.peak_resident_bytes = peak_resident_bytes();
  if (double average = 0; getloadavg(&average, 1) == 1) {
    result.load_average = average;
  }
  return result;
}

}  // namespace monocle::app
