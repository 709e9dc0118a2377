// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "command.h"
#include "model/qwen3_vl/repack.h"
#include "model/qwen3_vl/weights.h"
#include "report.h"
#include "store/checkpoint.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;

struct QuantizeOptions {
  std::string input;
  std::string output;
  std::string format = "int8";
  std::string vision = "bf16";
  int threads = 0;
  bool verify = false;
  bool json = false;
};

struct Outcome {
  qwen3_vl::RepackSummary summary;
  double seconds = 0;
};

// A moving line on a terminal; nothing in a log.
void show(const qwen3_vl::RepackProgress& progress) {
  if (isatty(STDERR_FILENO) != 0) {
    const double share =
        static_cast<double>(progress.done_bytes) / static_cast<double>(progress.total_bytes);
    fmt::print(stderr, "\r\033[K{:3.0f} %  {}", 100.0 * share, progress.tensor);
    std::fflush(stderr);
  }
}

Result<Outcome> quantize(const QuantizeOptions& options) {
  std::error_code none;
  if (std::filesystem::is_directory(options.output, none)) {
    return fail(ErrorCode::kInvalidArgument,
                "{} is a directory; name the file to write, e.g. model.monocle", options.output);
  }
  if (std::filesystem::equivalent(options.input, options.output, none)) {
    return fail(ErrorCode::kInvalidArgument, "input and output are the same file {}",
                options.input);
  }
  const auto start = std::chrono::steady_clock::now();
  MONOCLE_ASSIGN(const Checkpoint in, Checkpoint::open(options.input, MapAdvice::kSequential));
  ThreadPool pool(options.threads > 0 ? options.threads : usable_cpus());
  const QuantFormat text = find_format(options.format)->format;
  const qwen3_vl::RepackOptions formats{.text = text,
                                        .head = qwen3_vl::weights_in(text).head,
                                        .vision = find_format(options.vision)->format};
  auto summary = qwen3_vl::repack(in, options.output, formats, pool,
                                  [](const qwen3_vl::RepackProgress& progress) { show(progress); });
  if (isatty(STDERR_FILENO) != 0) {
    fmt::print(stderr, "\r\033[K");
  }
  if (!summary) {
    return prefixed(options.input, std::move(summary).error());
  }
  if (options.verify) {
    MONOCLE_ASSIGN(const Checkpoint written,
                   Checkpoint::open(options.output, MapAdvice::kSequential));
    MONOCLE_TRY(written.verify());
  }
  return Outcome{*summary,
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

int run(const QuantizeOptions& options) {
  const auto outcome = quantize(options);
  if (!outcome) {
    return report(outcome.error());
  }
  const qwen3_vl::RepackSummary& summary = outcome->summary;
  if (options.json) {
    const Json json{{"output", options.output},           {"format", options.format},
                    {"vision_format", options.vision},    {"tensors", summary.tensors},
                    {"input_bytes", summary.input_bytes}, {"output_bytes", summary.output_bytes},
                    {"seconds", outcome->seconds},        {"verified", options.verify}};
    fmt::print("{}\n", json.dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("{}: {} tensors, {:.2f} GB from {:.2f} GB in {:.1f} s{}\n", options.output,
               summary.tensors, static_cast<double>(summary.output_bytes) * 1e-9,
               static_cast<double>(summary.input_bytes) * 1e-9, outcome->seconds,
               options.verify ? ", verified" : "");
  }
  return 0;
}

}  // namespace

Action add_quantize(Flags& app) {
  auto options = std::make_shared<QuantizeOptions>();
  app.footer(
      "Example: monocle quantize Qwen3-VL-2B-Instruct qwen3-vl-2b-int8.monocle --format int8\n"
      "The file holds configuration and tokenizer too: give it to --model instead of the "
      "directory.");
  app.add_option("input", options->input, "Checkpoint: a Hugging Face directory").required();
  app.add_option("output", options->output, "The packed file to write").required();
  app.add_option("-f,--format", options->format,
                 "Format of the text layers, embedding and head; with int4 the latter two are int8")
      .capture_default_str()
      .one_of({"int8", "int4", "fp8", "bf16"});
  app.add_option("--vision", options->vision,
                 "Format of the vision tower; int8 costs accuracy on fine print")
      .capture_default_str()
      .one_of({"bf16", "int8"});
  app.add_option("-t,--threads", options->threads,
                 "Threads (default: all CPUs this process may use)")
      .range(1, 1024);
  app.add_flag("--verify", options->verify, "Read the file back and compare every checksum");
  app.add_flag("--json", options->json, "Print the result as one JSON object");
  return [options] { return run(*options); };
}

}  // namespace monocle::app
