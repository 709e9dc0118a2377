// SPDX-License-Identifier: Apache-2.0
#include "bench_divergence.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <vector>

#include "engine/batch_builder.h"
#include "engine/kv_cache.h"
#include "media_files.h"
#include "model/qwen3_vl/prompt.h"
#include "read_file.h"
#include "report.h"
#include "text/chat_template.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int32_t kBlockTokens = 16;
constexpr std::size_t kMaxSampleBytes = 16 << 20;

std::size_t index_of(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Sample {
  std::vector<std::string> pictures;  // paths
  std::string question;
  std::string answer;
};

// The logits of every token of an answer, row by row, and the ids that stand there.
struct Judged {
  std::vector<float> logits;  // [tokens, vocab]
  std::vector<TokenId> expected;
};

Result<std::vector<Sample>> read_samples(const std::string& path) {
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(path, kMaxSampleBytes));
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::vector<Sample> out;
  try {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    for (const Json& entry : Json::parse(text, text + bytes.size())) {
      Sample& sample = out.emplace_back();
      std::istringstream files(entry.value("file", ""));
      for (std::string file; files >> file;) {
        sample.pictures.push_back((folder / file).string());
      }
      sample.question = entry.at("question").get<std::string>();
      sample.answer = entry.at("answer").get<std::string>();
    }
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidArgument, "{}: {}", path, error.what());
  }
  if (out.empty()) {
    return fail(ErrorCode::kInvalidArgument, "{} holds no samples", path);
  }
  return out;
}

// One model reading samples, each in a single forward pass over prompt and answer.
class Reader {
 public:
  explicit Reader(const OpenedModel& opened) : opened_(opened), model_(*opened.model) {}

  Result<std::vector<Judged>> read(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      MONOCLE_TRY(add(sample));
    }
    MONOCLE_TRY(plan());
    std::vector<Judged> out;
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      MONOCLE_ASSIGN(out.emplace_back(), judge(i));
    }
    return out;
  }

 private:
  Status add(const Sample& sample) {
    qwen3_vl::PromptMedia media;
    ChatMessage user;
    for (const std::string& picture : sample.pictures) {
      if (std::filesystem::is_directory(picture)) {  // the frames of a clip
        MONOCLE_ASSIGN(media.videos.emplace_back(), load_clip(picture, opened_, {}));
        user.parts.push_back({ContentPart::Kind::kVideo, {}});
      } else {
        MONOCLE_ASSIGN(media.images.emplace_back(), load_picture(picture, opened_, {}));
        user.parts.push_back({ContentPart::Kind::kImage, {}});
      }
    }
    user.parts.push_back({ContentPart::Kind::kText, sample.question});
    Sequence& sequence = sequences_.emplace_back();
    MONOCLE_ASSIGN(
        sequence.request.prompt,
        qwen3_vl::build_prompt(opened_.config, *opened_.tokenizer,
                               render_chat(std::vector<ChatMessage>{user}, {}, {}), media, {}));
    std::vector<TokenId>& answer =
        answers_.emplace_back(opened_.tokenizer->encode(sample.answer, SpecialTokens::kAsText));
    if (!opened_.generation.eos_token_ids.empty()) {
      answer.push_back(opened_.generation.eos_token_ids.front());
    }
    sequence.tokens = sequence.request.prompt.token_ids;
    sequence.tokens.insert(sequence.tokens.end(), answer.begin(), answer.end() - 1);
    return {};
  }

  Status plan() {
    PlanLimits limits{.step_tokens = 1, .sequences = 1, .samples = 1, .patches = 1};
    std::int64_t media_rows = 1;
    for (std::size_t i = 0; i < sequences_.size(); ++i) {
      limits.step_tokens = std::max(limits.step_tokens, std::ssize(sequences_[i].tokens));
      limits.samples = std::max(limits.samples, std::ssize(answers_[i]));
      std::int64_t rows = 0;
      for (const MediaItem& item : sequences_[i].request.prompt.media) {
        limits.patches = std::max(limits.patches, item.patches->grid.patches());
        rows += tokens_of(item);
      }
      media_rows = std::max(media_rows, rows);
    }
    limits.blocks_per_sequence = (limits.step_tokens + kBlockTokens - 1) / kBlockTokens;
    max_blocks_ = static_cast<std::int32_t>(limits.blocks_per_sequence);
    MONOCLE_TRY(model_.plan(limits));
    Memory& memory = opened_.backend->memory();
    MONOCLE_ASSIGN(kv_,
                   KvCache::allocate(memory, KvShape::of(model_.facts(), model_.kv(), kBlockTokens),
                                     max_blocks_));
    MONOCLE_ASSIGN(media_,
                   MediaRows::allocate(memory, media_rows, 1 + model_.facts().deepstack_levels,
                                       model_.facts().hidden));
    MONOCLE_ASSIGN(
        logits_, memory.allocate(index_of(limits.samples * model_.facts().vocab) * sizeof(float)));
    return {};
  }

  Result<Judged> judge(std::size_t i) {
    Sequence& sequence = sequences_[i];
    for (std::int32_t block = 0; block < max_blocks_; ++block) {
      sequence.kv.table.push_back(block);
    }
    std::int64_t row = 0;
    for (const MediaItem& item : sequence.request.prompt.media) {
      MONOCLE_TRY(model_.encode_media(*item.patches, *media_, row, nullptr));
      sequence.media.push_back({0, row});
      row += tokens_of(item);
    }
    const auto rows = std::ssize(answers_[i]);
    StepPlan step;
    step.slices.push_back(
        {&sequence, 0, std::ssize(sequence.tokens), static_cast<std::int32_t>(rows)});
    BatchBuilder builder({.block_tokens = kBlockTokens, .max_blocks = max_blocks_});
    const TensorView logits{logits_, DType::kF32, rows, model_.facts().vocab};
    model_.forward(builder.build(step, *media_), kv_->layers(), {.logits = logits, .hidden = {}},
                   nullptr);
    opened_.backend->wait(opened_.backend->mark());
    Judged out{std::vector<float>(index_of(logits.elements())), answers_[i]};
    opened_.backend->memory().read(out.logits.data(), logits_, out.logits.size() * sizeof(float));
    return out;
  }

  [[nodiscard]] std::int64_t tokens_of(const MediaItem& item) const {
    return item.patches->grid.tokens(opened_.config.vision.spatial_merge_size);
  }

  const OpenedModel& opened_;
  qwen3_vl::Qwen3Vl& model_;
  std::vector<Sequence> sequences_;
  std::vector<std::vector<TokenId>> answers_;
  std::int32_t max_blocks_ = 0;
  std::optional<KvCache> kv_;
  std::optional<MediaRows> media_;
  void* logits_ = nullptr;  // the backend's memory ends with the backend
};

double log_sum_exp(std::span<const float> row) {
  const double top = static_cast<double>(*std::ranges::max_element(row));
  double sum = 0;
  for (const float value : row) {
    sum += std::exp(static_cast<double>(value) - top);
  }
  return top + std::log(sum);
}

// Σ p (log p - log q) over the vocabulary.
double divergence(std::span<const float> p, std::span<const float> q) {
  const double norm_p = log_sum_exp(p);
  const double norm_q = log_sum_exp(q);
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double log_p = static_cast<double>(p[i]) - norm_p;
    sum += std::exp(log_p) * (log_p - (static_cast<double>(q[i]) - norm_q));
  }
  return std::max(0.0, sum);
}

TokenId likeliest(std::span<const float> row) {
  return static_cast<TokenId>(std::ranges::max_element(row) - row.begin());
}

DivergenceResult compare(const std::vector<Judged>& stored, const std::vector<Judged>& asked) {
  DivergenceResult out;
  std::vector<double> divergences;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const std::size_t rows = stored[i].expected.size();
    const std::size_t vocab = stored[i].logits.size() / rows;
    bool right_stored = true;
    bool right_asked = true;
    for (std::size_t r = 0; r < rows; ++r) {
      const std::span<const float> p(stored[i].logits.data() + r * vocab, vocab);
      const std::span<const float> q(asked[i].logits.data() + r * vocab, vocab);
      divergences.push_back(divergence(p, q));
      out.agreements += likeliest(p) == likeliest(q) ? 1 : 0;
      right_stored = right_stored && likeliest(p) == stored[i].expected[r];
      right_asked = right_asked && likeliest(q) == stored[i].expected[r];
    }
    out.right_stored += right_stored ? 1 : 0;
    out.right_asked += right_asked ? 1 : 0;
  }
  std::ranges::sort(divergences);
  out.samples = std::ssize(stored);
  out.tokens = std::ssize(divergences);
  for (const double value : divergences) {
    out.kl_mean += value / static_cast<double>(divergences.size());
  }
  out.kl_p99 = divergences[(divergences.size() - 1) * 99 / 100];
  out.kl_max = divergences.back();
  return out;
}

Result<std::vector<Judged>> judged_by(const ModelOptions& options,
                                      const std::vector<Sample>& samples) {
  MONOCLE_ASSIGN(const std::unique_ptr<OpenedModel> opened, open_model(options));
  return Reader(*opened).read(samples);
}

Json to_json(const DivergenceResult& result, const BenchDivergenceOptions& options) {
  return {
      {"commit", MONOCLE_COMMIT},
      {"quant", options.model.quant},
      {"kv", options.model.kv},
      {"samples", result.samples},
      {"tokens", result.tokens},
      {"kl_mean", result.kl_mean},
      {"kl_p99", result.kl_p99},
      {"kl_max", result.kl_max},
      {"agreement", static_cast<double>(result.agreements) / static_cast<double>(result.tokens)},
      {"answers_right_as_stored", result.right_stored},
      {"answers_right", result.right_asked}};
}

int run(const BenchDivergenceOptions& options, bool json) {
  Progress progress;
  progress.phase("reading the samples twice");
  const Result<DivergenceResult> result = bench_divergence(options);
  progress.stop();
  if (!result) {
    return report(result.error());
  }
  if (json) {
    fmt::print("{}\n", to_json(*result, options).dump(2));
    return 0;
  }
  fmt::print(
      "{} answers, {} tokens: KL {:.5f} a token (99 % below {:.5f}, at most {:.5f})\n"
      "same likeliest token {:.2f} %; answers right {} of {}, as stored {}\n",
      result->samples, result->tokens, result->kl_mean, result->kl_p99, result->kl_max,
      100.0 * static_cast<double>(result->agreements) / static_cast<double>(result->tokens),
      result->right_asked, result->samples, result->right_stored);
  return 0;
}

}  // namespace

Result<DivergenceResult> bench_divergence(const BenchDivergenceOptions& options) {
  ModelOptions model = options.model;
  if (model.path.empty()) {
    MONOCLE_ASSIGN(model.path, default_model_path());
  }
  const std::string path =
      options.samples.empty()
          ? (std::filesystem::path(model.path) / "samples/expected.json").string()
          : options.samples;
  MONOCLE_ASSIGN(const std::vector<Sample> samples, read_samples(path));
  MONOCLE_ASSIGN(const std::vector<Judged> asked, judged_by(model, samples));
  model.quant = "none";
  model.kv = "auto";
  MONOCLE_ASSIGN(const std::vector<Judged> stored, judged_by(model, samples));
  return compare(stored, asked);
}

Action add_bench_divergence(Flags& app) {
  auto options = std::make_shared<BenchDivergenceOptions>();
  auto json = std::make_shared<bool>(false);
  app.footer(
      "Example: monocle bench divergence --quant int4 --kv int8\n"
      "Compares with the model as stored, on questions whose answers are known.");
  options->model.add(app);
  app.add_option(
      "--samples", options->samples,
      "JSON list of {file, question, answer}, several files separated by spaces (default: "
      "samples/expected.json of the model)");
  app.add_flag("--json", *json, "Print one JSON object");
  return [options, json] { return run(*options, *json); };
}

}  // namespace monocle::app
