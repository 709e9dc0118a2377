// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/parse_limits.h"
#include "command.h"
#include "engine/engine.h"
#include "media_files.h"
#include "model/qwen3_vl/prompt.h"
#include "open_model.h"
#include "report.h"
#include "roof.h"
#include "sampling_options.h"
#include "text/stream_decoder.h"

namespace monocle::app {
namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct AskOptions {
  ModelOptions model;
  SamplingOptions sampling;
  std::vector<std::string> images;
  std::vector<std::string> videos;
  std::string system;
  std::string question;
  std::vector<std::string> stop;
  std::int32_t max_tokens = 1024;
  std::int64_t step_tokens = 512;
  MediaOptions media;
  bool json = false;
};

// What one run produced, for both ways of printing it.
struct Answer {
  std::string text;
  Json tokens = Json::array();
  TokenEvent end;
  bool stopped_by_text = false;
  double load_ms = 0;
  double preprocess_ms = 0;
  double total_before_submit_ms = 0;
};

class Asker {
 public:
  explicit Asker(const AskOptions& options) : options_(options), start_(Clock::now()) {}

  Result<Answer> run() {
    progress_.phase("loading the model");
    MONOCLE_ASSIGN(opened_, open_model(options_.model));
    answer_.load_ms = ms_since(start_);
    progress_.phase("reading the pictures");
    const Clock::time_point before = Clock::now();
    MONOCLE_ASSIGN(Request request, make_request());
    answer_.preprocess_ms = ms_since(before);
    answer_.total_before_submit_ms = ms_since(start_);
    MONOCLE_TRY(generate(std::move(request)));
    return std::move(answer_);
  }

  [[nodiscard]] const OpenedModel& opened() const { return *opened_; }

 private:
  Result<Request> make_request() {
    qwen3_vl::PromptMedia media;
    ChatMessage user;
    for (const std::string& path : options_.images) {
      MONOCLE_ASSIGN(media.images.emplace_back(), load_picture(path, *opened_, options_.media));
      user.parts.push_back({ContentPart::Kind::kImage, {}});
    }
    for (const std::string& folder : options_.videos) {
      MONOCLE_ASSIGN(media.videos.emplace_back(), load_clip(folder, *opened_, options_.media));
      user.parts.push_back({ContentPart::Kind::kVideo, {}});
    }
    user.parts.push_back({ContentPart::Kind::kText, options_.question});
    std::vector<ChatMessage> messages;
    if (!options_.system.empty()) {
      messages.push_back({Role::kSystem, {{ContentPart::Kind::kText, options_.system}}, {}});
    }
    messages.push_back(std::move(user));
    Request request;
    MONOCLE_ASSIGN(request.prompt,
                   qwen3_vl::build_prompt(opened_->config, *opened_->tokenizer,
                                          render_chat(messages, {}, {}), media, {}));
    MONOCLE_ASSIGN(request.sampling, options_.sampling.resolve(opened_->generation));
    request.max_tokens = options_.max_tokens;
    request.stop_token_ids = opened_->generation.eos_token_ids;
    return request;
  }

  // One request, so the memory is planned for exactly that request.
  Result<std::unique_ptr<Engine>> make_engine(const Request& request) {
    EngineLimits limits;
    limits.step_tokens = options_.step_tokens;
    limits.context_tokens = std::ssize(request.prompt.token_ids) + options_.max_tokens;
    limits.merge = opened_->config.vision.spatial_merge_size;
    limits.vocab = opened_->tokenizer->vocab_size();
    limits.kv = opened_->model->kv();
    limits.media_rows = 1;
    for (const MediaItem& item : request.prompt.media) {
      limits.patches = std::max(limits.patches, item.patches->grid.patches());
      limits.media_rows += item.patches->grid.tokens(limits.merge);
    }
    return Engine::create(*opened_->model, *opened_->backend, limits);
  }

  Status generate(Request request) {
    const bool has_media = !request.prompt.media.empty();
    MONOCLE_ASSIGN(
        StreamDecoder decoder,
        StreamDecoder::create(*opened_->tokenizer, {.stop = options_.stop, .whole = {}}));
    MONOCLE_ASSIGN(const std::unique_ptr<Engine> engine, make_engine(request));
    progress_.phase(has_media ? "looking at the pictures" : "reading the question");
    MONOCLE_ASSIGN(const RequestId id, engine->submit(std::move(request)));
    std::vector<TokenEvent> events;
    while (!engine->idle()) {
      engine->step(events);
      for (TokenEvent& event : events) {
        MONOCLE_TRY(take(event, decoder));
        if (decoder.stopped() && event.finish == FinishReason::kNone) {
          answer_.stopped_by_text = true;
          engine->cancel(id);
        }
      }
      events.clear();
    }
    emit(decoder.flush());
    return {};
  }

  Status take(TokenEvent& event, StreamDecoder& decoder) {
    if (event.finish == FinishReason::kError) {
      return fail(ErrorCode::kInternal, "{}", event.error);
    }
    if (event.token_id >= 0 && !answer_.stopped_by_text) {
      note_token(event);
      // The end-of-turn token is not part of the answer.
      if (event.finish != FinishReason::kStop) {
        emit(decoder.push(event.token_id));
      }
    }
    if (event.finish != FinishReason::kNone) {
      answer_.end = std::move(event);
    }
    return {};
  }

  void note_token(const TokenEvent& event) {
    if (options_.sampling.logprobs == 0) {
      answer_.tokens.push_back(event.token_id);
      return;
    }
    Json token{{"id", event.token_id}, {"logprob", event.logprob}, {"top", Json::array()}};
    for (const TokenAlternative& top : event.alternatives) {
      token["top"].push_back({{"id", top.token_id}, {"logprob", top.logprob}});
    }
    answer_.tokens.push_back(std::move(token));
  }

  void emit(const std::string& piece) {
    if (piece.empty()) {
      return;
    }
    progress_.stop();
    answer_.text += piece;
    if (!options_.json) {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      std::fflush(stdout);
    }
  }

  const AskOptions& options_;
  Clock::time_point start_;
  Progress progress_;
  std::unique_ptr<OpenedModel> opened_;
  Answer answer_;
};

const char* finish_name(const Answer& answer) {
  return answer.stopped_by_text || answer.end.finish == FinishReason::kStop ? "stop" : "length";
}

Json to_json(const Answer& answer, const Asker& asker, const AskOptions& options) {
  const RequestUsage& usage = answer.end.usage;
  const RequestTiming& timing = answer.end.timing;
  // The first token is prefill's; decoding starts with the second.
  const double decoded = static_cast<double>(usage.completion_tokens - 1);
  const double rate =
      timing.decode_ms > 0 && decoded > 0 ? decoded * 1000.0 / timing.decode_ms : 0.0;
  const double bytes = static_cast<double>(asker.opened().model->facts().decode_weight_bytes);
  const double roof =
      measure_read_gb_s(options.model.device, asker.opened().backend->capabilities().name);
  return {{"text", answer.text},
          {"tokens", answer.tokens},
          {"finish_reason", finish_name(answer)},
          {"usage",
           {{"prompt_tokens", usage.prompt_tokens},
            {"image_tokens", usage.media_tokens},
            {"completion_tokens", usage.completion_tokens}}},
          {"timing_ms",
           {{"load", answer.load_ms},
            {"preprocess", answer.preprocess_ms},
            {"vision", timing.vision_ms},
            {"prefill", timing.prefill_ms},
            {"decode", timing.decode_ms},
            {"ttft", answer.total_before_submit_ms + timing.first_token_ms}}},
          {"rates",
           {{"decode_tok_s", rate},
            {"memory_roof_gb_s", roof},
            {"share_of_memory_roof", roof > 0 ? rate * bytes / (roof * 1e9) : 0.0}}},
          {"backend", asker.opened().backend->capabilities().name}};
}

int run_ask(const AskOptions& options) {
  Asker asker(options);
  const Result<Answer> answer = asker.run();
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    fmt::print(
        "{}\n",
        to_json(*answer, asker, options).dump(2, ' ', false, Json::error_handler_t::replace));
  } else {
    fmt::print("\n");
  }
  return 0;
}

}  // namespace

Action add_ask(Flags& app) {
  auto options = std::make_shared<AskOptions>();
  app.footer("Example: monocle ask --image receipt.jpg --temperature 0 \"What is the total?\"");
  app.add_option("question", options->question, "What to ask").required();
  app.add_option("-i,--image", options->images,
                 "A picture (JPEG, PNG, WebP, GIF, BMP); may be repeated, order is kept")
      .one_value();
  app.add_option("--video", options->videos,
                 "A folder with the frames of a clip as pictures, in the order of their names; may "
                 "be repeated, videos come after pictures")
      .one_value();
  app.add_option("--fps", options->media.fps,
                 "Frames a second of the clips (default: what the model was trained on, 2)")
      .range(api::kMinFps, api::kMaxFps);
  app.add_option("--system", options->system, "System message");
  app.add_option("-n,--max-tokens", options->max_tokens, "Longest answer")
      .capture_default_str()
      .range(1, 1 << 20);
  app.add_option("--stop", options->stop, "End the answer before this text; may be repeated")
      .one_value();
  app.add_option("--min-pixels", options->media.min_pixels,
                 "Enlarge pictures to at least this area");
  app.add_option("--max-pixels", options->media.max_pixels,
                 "Shrink pictures to at most this area: fewer tokens, faster");
  app.add_option("--step-tokens", options->step_tokens, "Prompt tokens computed at a time")
      .capture_default_str()
      .range(1, 65536)
      .group("Machine");
  app.add_flag("--json", options->json,
               "Print one JSON object with text, usage and timing instead of streaming");
  options->model.add(app);
  options->sampling.add(app);
  return [options] { return run_ask(*options); };
}

}  // namespace monocle::app
