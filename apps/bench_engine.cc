// SPDX-License-Identifier: Apache-2.0
#include "bench_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench_serve_stats.h"
#include "make_pool.h"
#include "model/qwen3_vl/random_weights.h"
#include "report.h"

namespace monocle::app {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Round {
  double seconds = 0;
  std::vector<double> first_token_ms;
};

class EngineBench {
 public:
  explicit EngineBench(const BenchEngineOptions& options) : options_(options) {}

  Status open() {
    MONOCLE_ASSIGN(opened_, open_replicas(options_.model, [](OpenedModel&) { return Status(); }));
    MONOCLE_ASSIGN(pool_, make_pool(*opened_, limits(*opened_->model)));
    return {};
  }

  // Every request differs from its first token on, so that no prefix is found.
  Result<Round> round() {
    Round out;
    std::vector<std::promise<TokenEvent>> ends(static_cast<std::size_t>(options_.requests));
    std::vector<Request> requests;
    for (std::int64_t i = 0; i < options_.requests; ++i) {
      requests.push_back(request(next_++));
    }
    const Clock::time_point start = Clock::now();
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto handler = [&end = ends[i]](TokenEvent&& event) {
        if (event.finish != FinishReason::kNone) {
          end.set_value(std::move(event));
        }
      };
      MONOCLE_ASSIGN(const RequestId id, pool_->submit(std::move(requests[i]), std::move(handler)));
      static_cast<void>(id);
    }
    for (std::promise<TokenEvent>& end : ends) {
      const TokenEvent event = end.get_future().get();
      if (event.finish == FinishReason::kError) {
        return fail(ErrorCode::kUnavailable, "{}", event.error);
      }
      out.first_token_ms.push_back(event.timing.first_token_ms);
    }
    out.seconds = seconds_since(start);
    return out;
  }

  [[nodiscard]] std::string device() const { return device_names(*opened_); }
  [[nodiscard]] std::int64_t prompt_tokens() const {
    return options_.prompt + grid().tokens(opened_->config.vision.spatial_merge_size);
  }

 private:
  [[nodiscard]] GridThw grid() const {
    const qwen3_vl::VisionConfig& v = opened_->config.vision;
    const auto side = static_cast<std::int32_t>(
        options_.image / (v.patch_size * v.spatial_merge_size) * v.spatial_merge_size);
    return {options_.image > 0 ? 1 : 0, side, side};
  }

  [[nodiscard]] EngineLimits limits(const qwen3_vl::Qwen3Vl& model) const {
    const auto devices = std::ssize(opened_->others) + 1;
    const std::int64_t each = (options_.requests + devices - 1) / devices;
    EngineLimits limits;
    limits.step_tokens = std::max(options_.step_tokens, options_.requests + 2);
    limits.sequences = static_cast<std::int32_t>(each);
    limits.context_tokens = prompt_tokens() + options_.gen + 2;
    limits.merge = opened_->config.vision.spatial_merge_size;
    limits.patches = grid().patches();
    limits.media_patches = 2 * limits.step_tokens;
    limits.media_rows = std::max<std::int64_t>(1, each * grid().tokens(limits.merge));
    limits.kv = model.kv();
    return limits;
  }

  Request request(std::int64_t index) const {
    Request request;
    Prompt& prompt = request.prompt;
    const std::int64_t media = prompt_tokens() - options_.prompt;
    const std::int64_t vocab = opened_->tokenizer->vocab_size();
    prompt.token_ids.assign(static_cast<std::size_t>(media), opened_->config.image_token_id);
    for (std::int64_t i = 0; i < options_.prompt; ++i) {
      prompt.token_ids.push_back(static_cast<std::int32_t>((index * 7919 + i * 104729) % vocab));
    }
    for (int axis = 0; axis < 3; ++axis) {
      for (std::int64_t i = 0; i < prompt_tokens(); ++i) {
        prompt.positions.push_back(static_cast<std::int32_t>(i));
      }
    }
    if (media > 0) {
      auto patches = std::make_shared<const Patches>(
          qwen3_vl::random_patches(opened_->config.vision, grid(), 1));
      prompt.media.push_back({std::move(patches), static_cast<std::uint64_t>(index), 1});
      prompt.spans.push_back({0, media, 0, 0});
    }
    request.max_tokens = static_cast<std::int32_t>(options_.gen);
    return request;
  }

  const BenchEngineOptions& options_;
  std::unique_ptr<OpenedModel> opened_;
  std::unique_ptr<EnginePool> pool_;
  std::int64_t next_ = 0;
};

int run(const BenchEngineOptions& options) {
  EngineBench bench(options);
  if (const Status opened = bench.open(); !opened) {
    return report(opened.error());
  }
  std::vector<double> seconds;
  std::vector<double> first_token_ms;
  for (std::int32_t i = 0; i <= options.repeats; ++i) {  // the first warms up
    const Result<Round> round = bench.round();
    if (!round) {
      return report(round.error());
    }
    if (i > 0) {
      seconds.push_back(round->seconds);
      first_token_ms.insert(first_token_ms.end(), round->first_token_ms.begin(),
                            round->first_token_ms.end());
    }
  }
  std::ranges::sort(seconds);
  const double median = seconds[seconds.size() / 2];
  const auto requests = static_cast<double>(options.requests);
  const Percentiles first = percentiles_of(std::move(first_token_ms));
  const Json result{
      {"device", bench.device()},
      {"requests", options.requests},
      {"prompt_tokens", bench.prompt_tokens()},
      {"answer_tokens", options.gen},
      {"image_side", options.image},
      {"seconds", {{"median", median}, {"min", seconds.front()}, {"max", seconds.back()}}},
      {"requests_per_second", requests / median},
      {"output_tokens_per_second", requests * static_cast<double>(options.gen) / median},
      {"first_token_ms", {{"p50", first.p50}, {"p95", first.p95}, {"max", first.max}}}};
  if (options.json) {
    fmt::print("{}\n", result.dump(2));
  } else {
    fmt::print(
        "{}\n{} requests of {} + {} tokens at once: {:.3f} s, {:.1f} requests/s, {:.0f} tok/s\n",
        bench.device(), options.requests, bench.prompt_tokens(), options.gen, median,
        requests / median, requests * static_cast<double>(options.gen) / median);
    fmt::print("first token: p50 {:.1f} ms, p95 {:.1f} ms\n", first.p50, first.p95);
  }
  return 0;
}

}  // namespace

Action add_bench_engine(Flags& app) {
  auto options = std::make_shared<BenchEngineOptions>();
  app.footer(
      "Example: monocle bench engine --model random-2b --requests 32 --image 1024 --gen 128");
  options->model.add(app);
  app.add_option("--requests", options->requests, "Requests, all at once")
      .capture_default_str()
      .range(1, 1024);
  app.add_option("--prompt", options->prompt, "Text tokens of a prompt")
      .capture_default_str()
      .range(1, 65536);
  app.add_option("--gen", options->gen, "Tokens of an answer")
      .capture_default_str()
      .range(1, 65536);
  app.add_option("--image", options->image, "Side of one picture per request in pixels, 0 = none")
      .capture_default_str()
      .range(0, 4096);
  app.add_option("--step-tokens", options->step_tokens, "Tokens computed in one step")
      .capture_default_str()
      .range(1, 65536);
  app.add_option("--repeats", options->repeats, "Runs that count, after one that warms up")
      .capture_default_str()
      .range(1, 100);
  app.add_flag("--json", options->json, "Print one JSON object");
  return [options] { return run(*options); };
}

}  // namespace monocle::app
