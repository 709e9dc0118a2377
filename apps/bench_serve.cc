// SPDX-License-Identifier: Apache-2.0
#include "bench_serve.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "report.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;

struct CommandLine {
  BenchServeOptions options;
  std::pair<std::int64_t, std::int64_t> words{64, 64};
  std::pair<std::int64_t, std::int64_t> tokens{64, 64};
  bool stop_at_eos = false;
  bool json = false;
};

Json percentiles_json(const Percentiles& p) {
  return {{"mean", p.mean}, {"p50", p.p50}, {"p90", p.p90},
          {"p95", p.p95},   {"p99", p.p99}, {"max", p.max}};
}

Json level_json(const LevelResult& level) {
  return {{"level", level.name},
          {"requests", level.requests},
          {"errors", level.errors},
          {"seconds", level.seconds},
          {"requests_per_second", level.requests_per_s},
          {"output_tokens_per_second", level.output_tokens_per_s},
          {"input_tokens_per_second", level.input_tokens_per_s},
          {"goodput_per_second", level.goodput_per_s},
          {"prompt_tokens", level.prompt_tokens},
          {"cached_tokens", level.cached_tokens},
          {"completion_tokens", level.completion_tokens},
          {"tokens_by_usage", level.tokens_by_usage},
          {"ttft_ms", percentiles_json(level.ttft_ms)},
          {"tpot_ms", percentiles_json(level.tpot_ms)},
          {"itl_ms", percentiles_json(level.itl_ms)},
          {"e2e_ms", percentiles_json(level.e2e_ms)}};
}

Json to_json(const BenchServeOptions& options, const std::vector<LevelResult>& levels) {
  const Workload& workload = options.workload;
  Json all = {{"url", options.url},
              {"workload",
               {{"dialect", workload.completions ? "completions" : "chat"},
                {"prompt_words", {workload.words_low, workload.words_high}},
                {"answer_tokens", {workload.tokens_low, workload.tokens_high}},
                {"images", workload.images},
                {"image_side", workload.image_side},
                {"ignore_eos", workload.ignore_eos},
                {"seed", workload.seed}}},
              {"objectives",
               {{"ttft_ms", options.objectives.ttft_ms}, {"tpot_ms", options.objectives.tpot_ms}}},
              {"levels", Json::array()}};
  for (const LevelResult& level : levels) all["levels"].push_back(level_json(level));
  return all;
}

void print_percentiles(const char* name, const Percentiles& p) {
  fmt::print("  {:<26}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}{:>10.1f}\n", name, p.mean, p.p50, p.p95,
             p.p99, p.max);
}

void print_level(const LevelResult& level, const Objectives& objectives) {
  std::int64_t failed = 0;
  for (const auto& [error, count] : level.errors) failed += count;
  fmt::print("{}: {} requests, {} failed, {:.1f} s\n", level.name, level.requests, failed,
             level.seconds);
  for (const auto& [error, count] : level.errors) fmt::print("  {} x {}\n", count, error);
  fmt::print("  output {:.1f} tok/s, input {:.1f} tok/s, {:.2f} requests/s\n",
             level.output_tokens_per_s, level.input_tokens_per_s, level.requests_per_s);
  fmt::print("  goodput {:.2f} requests/s (first token within {:g} ms, {:g} ms per token)\n",
             level.goodput_per_s, objectives.ttft_ms, objectives.tpot_ms);
  if (!level.tokens_by_usage)
    fmt::print("  the server reports no usage: tokens are pieces of text\n");
  fmt::print("  {:<26}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "milliseconds", "mean", "p50", "p95",
             "p99", "max");
  print_percentiles("time to first token", level.ttft_ms);
  print_percentiles("time per output token", level.tpot_ms);
  print_percentiles("between pieces of text", level.itl_ms);
  print_percentiles("whole answer", level.e2e_ms);
  fmt::print("\n");
}

int run(CommandLine& line) {
  Workload& workload = line.options.workload;
  std::tie(workload.words_low, workload.words_high) = line.words;
  std::tie(workload.tokens_low, workload.tokens_high) = line.tokens;
  workload.ignore_eos = !line.stop_at_eos;
  if (workload.words_low > workload.words_high || workload.tokens_low > workload.tokens_high) {
    return report({ErrorCode::kInvalidArgument,
                   "--prompt-words and --answer-tokens are LOW HIGH with LOW <= HIGH"});
  }
  if (workload.completions && workload.images > 0) {
    return report(
        {ErrorCode::kInvalidArgument, "--completions has no pictures: leave out --images"});
  }
  const bool moving = isatty(STDERR_FILENO) == 1;
  const auto progress = [&](const std::string& level, std::int64_t done, std::int64_t requests) {
    if (moving) fmt::print(stderr, "\r\x1b[K{}: {} of {} requests", level, done, requests);
  };
  const auto results = bench_serve(line.options, progress);
  if (moving) fmt::print(stderr, "\r\x1b[K");
  if (!results) return report(results.error());
  bool failed = false;
  for (const LevelResult& level : *results) {
    failed = failed || !level.errors.empty();
    if (!line.json) print_level(level, line.options.objectives);
  }
  if (line.json) fmt::print("{}\n", to_json(line.options, *results).dump(2));
  return failed ? kExitFailure : 0;
}

void add_load_options(Flags& app, CommandLine& line) {
  BenchServeOptions& options = line.options;
  app.add_option("--url", options.url, "Base of an OpenAI-compatible API").capture_default_str();
  app.add_option("-c,--concurrency", options.concurrency,
                 "Clients that each ask again when answered; several levels with commas")
      .delimiter(',')
      .capture_default_str()
      .range(1, 100'000);
  app.add_option("--rate", options.rates,
                 "Instead: requests per second at random times; several with commas")
      .delimiter(',')
      .excludes("--concurrency")
      .range(0.001, 1e6);
  app.add_option("--requests", options.requests,
                 "Requests per level (0: 8 per client, at least 16)")
      .capture_default_str()
      .range(0, 10'000'000);
  app.add_option("--warmup", options.warmup, "Requests before the first level that do not count")
      .capture_default_str()
      .range(0, 1000);
  app.add_option("--timeout", options.timeout_s, "Seconds after which a request has failed")
      .capture_default_str()
      .range(0.1, 86400.0);
  app.add_option("--slo-ttft", options.objectives.ttft_ms,
                 "Goodput: longest time to the first token, ms")
      .capture_default_str();
  app.add_option("--slo-tpot", options.objectives.tpot_ms,
                 "Goodput: longest time per output token, ms")
      .capture_default_str();
  app.add_flag("--json", line.json, "Print one JSON object");
}

void add_workload_options(Flags& app, CommandLine& line) {
  Workload& workload = line.options.workload;
  app.add_option("-m,--model", workload.model,
                 "Model to ask for (default: the first that the server names)");
  app.add_option("--prompt-words", line.words, "Words of a prompt, LOW HIGH")
      .capture_default_str()
      .range(1, 1'000'000);
  app.add_option("--answer-tokens", line.tokens, "Tokens of an answer, LOW HIGH")
      .capture_default_str()
      .range(1, 1'000'000);
  app.add_option("--images", workload.images, "Pictures per request")
      .capture_default_str()
      .range(0, 64);
  app.add_option("--image-side", workload.image_side, "Side of a picture in pixels")
      .capture_default_str()
      .range(1, 4096);
  app.add_flag("--completions", workload.completions,
               "Ask by /completions instead of /chat/completions");
  app.add_flag("--stop-at-eos", line.stop_at_eos,
               "Let answers end by themselves instead of at their length");
  app.add_option("--seed", workload.seed, "Of prompts, lengths and times").capture_default_str();
}

}  // namespace

Action add_bench_serve(Flags& app) {
  auto line = std::make_shared<CommandLine>();
  app.footer(
      "Example: monocle bench serve --concurrency 1,8,32 --prompt-words 32 256 --answer-tokens 16 "
      "128\n"
      "A key is read from OPENAI_API_KEY. Exit code 1 when a request failed.");
  add_load_options(app, *line);
  add_workload_options(app, *line);
  return [line] { return run(*line); };
}

}  // namespace monocle::app
