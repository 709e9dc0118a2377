// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "bench_checkpoint.h"
#include "bench_divergence.h"
#include "bench_engine.h"
#include "bench_model.h"
#include "bench_quality.h"
#include "bench_serve.h"
#include "command.h"
#include "report.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;

// Operations per second the format's arithmetic could reach at most on this machine. A GPU
// multiplies fp8 as fast as int8; a CPU, which does not, shows a small share.
double compute_roof(const BenchModelResult& result, bool vision) {
  if (result.activation == "f32") {
    return result.roof.f32_gflops * 1e9;
  }
  return ((result.format == "int8" || result.format == "int4" || result.format == "fp8") && !vision
              ? result.roof.int8_gops
              : result.roof.bf16_gflops) *
         1e9;
}

double per_second(const PhaseResult& phase) { return phase.tokens / phase.seconds.median; }
double flops_share(const PhaseResult& phase, double roof) {
  return roof > 0 ? phase.flops / phase.seconds.median / roof : 0;
}
double bytes_share(const PhaseResult& phase, const BenchModelResult& result) {
  if (phase.read_gb_s > 0) {
    return phase.memory_share;
  }
  return result.roof.read_gb_s > 0
             ? phase.bytes / phase.seconds.median / (result.roof.read_gb_s * 1e9)
             : 0;
}

Json spread_json(const Spread& spread) {
  return {{"median", spread.median}, {"min", spread.low}, {"max", spread.high}};
}

Json phase_json(const PhaseResult& phase, const char* share_name, double share) {
  return {{"depth", phase.depth},
          {"batch", phase.batch},
          {"tokens", phase.tokens},
          {"seconds", spread_json(phase.seconds)},
          {"tokens_per_second", per_second(phase)},
          {share_name, share}};
}

Json to_json(const BenchModelResult& result) {
  Json prefill = Json::array();
  Json decode = Json::array();
  Json vision = Json::array();
  for (const PhaseResult& phase : result.prefill) {
    prefill.push_back(phase_json(phase, "share_of_compute_roof",
                                 flops_share(phase, compute_roof(result, false))));
  }
  for (const PhaseResult& phase : result.decode) {
    decode.push_back(phase_json(phase, "share_of_memory_roof", bytes_share(phase, result)));
    if (phase.read_gb_s > 0) {
      decode.back()["memory_read_gb_s"] = phase.read_gb_s;
    }
  }
  for (const PhaseResult& phase : result.vision) {
    vision.push_back(
        phase_json(phase, "share_of_compute_roof", flops_share(phase, compute_roof(result, true))));
  }
  return {{"model", result.model},
          {"version", MONOCLE_VERSION},
          {"commit", MONOCLE_COMMIT},
          {"backend", result.backend},
          {"threads", result.threads},
          {"format", result.format},
          {"activation", result.activation},
          {"load_average", result.load_average},
          {"roof",
           {{"memory_read_gb_s", result.roof.read_gb_s},
            {"f32_gflop_s", result.roof.f32_gflops},
            {"bf16_gflop_s", result.roof.bf16_gflops},
            {"int8_gop_s", result.roof.int8_gops}}},
          {"load_seconds", result.load_seconds},
          {"weight_bytes", result.weight_bytes},
          {"peak_resident_bytes", result.peak_resident_bytes},
          {"vision", vision},
          {"prefill", prefill},
          {"decode", decode}};
}

void print_phase(const std::string& name, const PhaseResult& phase, const std::string& rate) {
  fmt::print("  {:<24}{:>10.1f} ms  ({:.1f} to {:.1f})  {}\n", name, phase.seconds.median * 1e3,
             phase.seconds.low * 1e3, phase.seconds.high * 1e3, rate);
}

void print_text(const BenchModelResult& result) {
  fmt::print("{}, {} weights, {} arithmetic\n{}, {} threads, load average {:.1f}\n\n", result.model,
             result.format, result.activation, result.backend, result.threads, result.load_average);
  fmt::print(
      "This machine, measured now: memory {:.1f} GB/s, f32 {:.0f}, bf16 {:.0f} GFLOP/s, int8 "
      "{:.0f} GOP/s\n\n",
      result.roof.read_gb_s, result.roof.f32_gflops, result.roof.bf16_gflops,
      result.roof.int8_gops);
  fmt::print("  {:<24}{:>10.1f} ms\n", "load", result.load_seconds * 1e3);
  for (const PhaseResult& phase : result.vision) {
    const double share = flops_share(phase, compute_roof(result, true));
    print_phase(fmt::format("picture, {:.0f} tokens", phase.tokens), phase,
                fmt::format("{:.2f} TFLOP/s, {:.0f} % of the compute roof",
                            phase.flops / phase.seconds.median * 1e-12, share * 100));
  }
  for (const PhaseResult& phase : result.prefill) {
    const double share = flops_share(phase, compute_roof(result, false));
    print_phase(
        fmt::format("prefill {:.0f} at {}", phase.tokens, phase.depth), phase,
        fmt::format("{:.1f} tok/s, {:.0f} % of the compute roof", per_second(phase), share * 100));
  }
  for (const PhaseResult& phase : result.decode) {
    const std::string batch = phase.batch > 1 ? fmt::format(", batch {}", phase.batch) : "";
    const std::string beside =
        phase.read_gb_s > 0 ? fmt::format(" ({:.1f} GB/s beside it)", phase.read_gb_s) : "";
    print_phase(fmt::format("decode at {}{}", phase.depth, batch), phase,
                fmt::format("{:.2f} tok/s, {:.0f} % of the memory roof{}", per_second(phase),
                            bytes_share(phase, result) * 100, beside));
  }
  fmt::print("\n  weights {:.2f} GB, peak resident memory {:.2f} GB\n",
             static_cast<double>(result.weight_bytes) * 1e-9,
             static_cast<double>(result.peak_resident_bytes) * 1e-9);
}

int run_bench_model(const BenchModelOptions& options, bool json) {
  Progress progress;
  progress.phase("measuring");
  const Result<BenchModelResult> result = bench_model(options);
  progress.stop();
  if (!result) {
    return report(result.error());
  }
  if (json) {
    fmt::print("{}\n", to_json(*result).dump(2));
  } else {
    print_text(*result);
  }
  return 0;
}

Action add_bench_model(Flags& model) {
  auto options = std::make_shared<BenchModelOptions>();
  auto json = std::make_shared<bool>(false);
  model.footer(
      "Example: monocle bench model --random 2b --quant int8 --depth 0,2048\n"
      "Random weights measure speed only: such a model answers nonsense.");
  options->model.add(model);
  model
      .add_option("--random", options->random,
                  "Random weights of a published shape: tiny, 2b, 4b, 8b, 32b")
      .excludes("--model");
  model.add_option("--prompt", options->prompt, "Prompt tokens")
      .capture_default_str()
      .range(1, 65536);
  model
      .add_option("--depth", options->depths,
                  "Tokens in the cache before the prompt; several with commas")
      .delimiter(',')
      .capture_default_str()
      .range(0, 1 << 20);
  model
      .add_option("--batch", options->batches,
                  "Sequences that decode together; several with commas")
      .delimiter(',')
      .capture_default_str()
      .range(1, 1024);
  model.add_option("--gen", options->gen, "Tokens to generate")
      .capture_default_str()
      .range(0, 65536);
  model.add_option("--image", options->image, "Side of a square picture in pixels, 0 = none")
      .capture_default_str()
      .range(0, 8192);
  model.add_option("--repeats", options->repeats, "Runs that count, after one that warms up")
      .capture_default_str()
      .range(0, 100);
  model.add_flag("--json", *json, "Print one JSON object");
  return [options, json] { return run_bench_model(*options, *json); };
}

}  // namespace

Action add_bench(Flags& app) {
  app.require_subcommand();
  Flags model = app.add_subcommand(
      "model", "Speed of a model, with the machine's own limits from the same run");
  Flags serve = app.add_subcommand(
      "serve", "Load on a running server of the OpenAI API: latencies, throughput, goodput");
  Flags engine = app.add_subcommand(
      "engine", "Throughput of many requests at once, without a server in between");
  Flags checkpoint =
      app.add_subcommand("checkpoint", "Write random weights of a published shape as a checkpoint");
  Flags quality = app.add_subcommand(
      "quality", "How right a model's answers to a case set are, here or on any server");
  Flags divergence =
      app.add_subcommand("divergence", "What a weight format or a KV cache type costs in answers");
  const std::array<std::pair<Flags, Action>, 6> parts{{
      {model, add_bench_model(model)},
      {serve, add_bench_serve(serve)},
      {engine, add_bench_engine(engine)},
      {checkpoint, add_bench_checkpoint(checkpoint)},
      {quality, add_bench_quality(quality)},
      {divergence, add_bench_divergence(divergence)},
  }};
  return [parts] {
    const auto parsed = std::find_if(parts.begin(), parts.end(),
                                     [](const auto& part) { return part.first.parsed(); });
    return parsed->second();
  };
}

}  // namespace monocle::app
