// SPDX-License-Identifier: Apache-2.0
// The routes that run the model: chat completions, completions, responses, embeddings.
#include <fmt/format.h>

#include <ctime>
#include <utility>

#include "api/chat_parse.h"
#include "api/completion_parse.h"
#include "api/embedding_parse.h"
#include "api/errors.h"
#include "api/ids.h"
#include "api/responses_parse.h"
#include "service/output_form.h"
#include "service/sampling.h"
#include "service/service.h"

namespace monocle::service {
namespace {

// Every choice gets a matcher of its own. Form: a chat request or an output format.
template <class Form>
api::ApiResult<void> hold_to_form(AnswerPlan& plan, const Form& form, GrammarCompiler& compiler) {
  for (Request& choice : plan.requests) {
    auto matcher = make_matcher(form, compiler);
    if (!matcher) {
      return tl::unexpected(std::move(matcher).error());
    }
    choice.matcher = std::move(*matcher);
    plan.loop_guard = choice.matcher != nullptr;
  }
  return {};
}

}  // namespace

api::ReplyHead Service::head(const char* prefix, const std::string& model) const {
  return {api::make_id(prefix), static_cast<std::int64_t>(std::time(nullptr)),
          model.empty() ? served_.names.front() : model, served_.fingerprint};
}

AnswerTools Service::tools() {
  return {engines_, replies_, *served_.tokenizer, metrics_, speed_, options_.send_bytes};
}

AnswerPlan Service::plan_for(const HttpRequest& http, const api::Generation& generation,
                             const api::StreamSettings& stream) const {
  AnswerPlan plan;
  plan.received = std::chrono::steady_clock::now();
  plan.stream = stream.stream;
  plan.choices_per_prompt = generation.n;
  plan.decode.stop = generation.stop;
  plan.decode.skip_special = generation.skip_special_tokens;
  plan.include_stop = generation.include_stop;
  plan.logprobs = generation.logprobs;
  plan.upload_ms = http.upload_ms;
  plan.headers = headers_for(http);
  return plan;
}

void Service::add_choices(AnswerPlan& plan, Request request, const api::Generation& generation,
                          const HttpRequest& http) const {
  request.cache_salt = guard_.caller(http);
  const std::uint64_t seed = request.sampling.seed;
  for (std::int32_t i = 0; i < generation.n; ++i) {
    Request choice = request;
    choice.sampling.seed = choice_seed(seed, i);
    plan.requests.push_back(std::move(choice));
  }
}

api::ApiResult<void> Service::launch_chat(const Exchange& exchange, const api::ChatRequest& request,
                                          std::unique_ptr<ReplyWriter> writer) {
  const HttpRequest& http = exchange->request();
  AnswerPlan plan = plan_for(http, request.generation, request.stream);
  plan.writer = std::move(writer);
  plan.tools = tools_active(request);
  auto prepared = prepare_chat(served_, request, MediaUse::kFull);
  if (!prepared) {
    return tl::unexpected(std::move(prepared).error());
  }
  plan.media_ms = prepared->media_ms;
  plan.video_tokens = prepared->video_tokens;
  if (auto fits = fit_context(served_, request.generation, prepared->request); !fits) {
    return fits;
  }
  add_choices(plan, std::move(prepared->request), request.generation, http);
  if (auto held = hold_to_form(plan, request, *grammars_); !held) {
    return held;
  }
  for (const std::string& warning : request.warnings) {
    plan.headers.push_back({"x-monocle-warning", warning});
  }
  return Answer::launch(tools(), exchange, std::move(plan));
}

void Service::chat(const Exchange& exchange) {
  auto request = api::parse_chat(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  auto done = check_model(request->model);
  if (done) {
    done = launch_chat(exchange, *request,
                       chat_writer(head("chatcmpl-", request->model), request->stream));
  }
  if (!done) {
    refuse(exchange, done.error());
  }
}

void Service::responses(const Exchange& exchange) {
  auto request = api::parse_responses(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  auto done = check_model(request->chat.model);
  if (done) {
    done =
        launch_chat(exchange, request->chat,
                    responses_writer(head("resp_", request->chat.model), std::move(request->echo)));
  }
  if (!done) {
    refuse(exchange, done.error());
  }
}

api::ApiResult<AnswerPlan> Service::plan_completion(const HttpRequest& http,
                                                    const api::CompletionRequest& request) {
  AnswerPlan plan = plan_for(http, request.generation, request.stream);
  for (const api::TextInput& input : request.prompts) {
    auto prepared = prepare_text(served_, input, request.generation);
    if (!prepared) {
      return tl::unexpected(std::move(prepared).error());
    }
    if (auto fits = fit_context(served_, request.generation, prepared->request); !fits) {
      api::ApiError error = std::move(fits).error();
      error.param = "prompt";
      return tl::unexpected(std::move(error));
    }
    if (request.echo) {
      const std::string text =
          input.token_ids.empty() ? input.text : served_.tokenizer->decode(input.token_ids, false);
      plan.prefixes.insert(plan.prefixes.end(), static_cast<std::size_t>(request.generation.n),
                           text);
    }
    add_choices(plan, std::move(prepared->request), request.generation, http);
  }
  if (auto held = hold_to_form(plan, request.format, *grammars_); !held) {
    return tl::unexpected(std::move(held).error());
  }
  return plan;
}

void Service::completions(const Exchange& exchange) {
  auto request = api::parse_completion(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  auto done = check_model(request->model);
  if (done) {
    auto plan = plan_completion(exchange->request(), *request);
    if (plan) {
      plan->writer = completion_writer(head("cmpl-", request->model), request->stream);
      done = Answer::launch(tools(), exchange, std::move(*plan));
    } else {
      done = tl::unexpected(std::move(plan).error());
    }
  }
  if (!done) {
    refuse(exchange, done.error());
  }
}

api::ApiResult<EmbeddingPlan> Service::plan_embeddings(const HttpRequest& http,
                                                       const api::EmbeddingRequest& request) const {
  const std::int64_t width = served_.config->text.hidden_size;
  if (request.dimensions.value_or(1) > width) {
    return tl::unexpected(api::bad_request(
        "dimensions", fmt::format("dimensions is {}, the model has {}", *request.dimensions, width),
        "invalid_value"));
  }
  EmbeddingPlan plan;
  plan.received = std::chrono::steady_clock::now();
  plan.form = {request.model.empty() ? served_.names.front() : request.model, request.dimensions,
               request.base64};
  plan.upload_ms = http.upload_ms;
  plan.headers = headers_for(http);
  const std::size_t count = request.chat ? 1 : request.inputs.size();
  for (std::size_t i = 0; i < count; ++i) {
    auto prepared = request.chat ? prepare_chat(served_, *request.chat, MediaUse::kFull)
                                 : prepare_text(served_, request.inputs[i], {});
    if (!prepared) {
      return tl::unexpected(std::move(prepared).error());
    }
    const std::int64_t tokens = std::ssize(prepared->request.prompt.token_ids);
    if (tokens > served_.context_tokens()) {
      auto error = api::context_length_exceeded(served_.context_tokens(), tokens, 0);
      error.param = request.chat ? "messages" : "input";
      return tl::unexpected(std::move(error));
    }
    prepared->request.embed = true;
    prepared->request.cache_salt = guard_.caller(http);
    plan.media_ms += prepared->media_ms;
    plan.video_tokens += prepared->video_tokens;  // of a conversation, which is the only input
    plan.requests.push_back(std::move(prepared->request));
  }
  return plan;
}

void Service::embeddings(const Exchange& exchange) {
  auto request = api::parse_embedding(exchange->request().body, parse_limits_);
  if (!request) {
    refuse(exchange, request.error());
    return;
  }
  auto done = check_model(request->model);
  if (done) {
    auto plan = plan_embeddings(exchange->request(), *request);
    done = plan ? EmbeddingAnswer::launch(tools(), exchange, std::move(*plan))
                : tl::unexpected(std::move(plan).error());
  }
  if (!done) {
    refuse(exchange, done.error());
  }
}

}  // namespace monocle::service
