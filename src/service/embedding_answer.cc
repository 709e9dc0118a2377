// SPDX-License-Identifier: Apache-2.0
#include "service/embedding_answer.h"

#include <fmt/format.h>

#include <utility>

#include "api/errors.h"

namespace monocle::service {
namespace {

// Inputs of one request in the engine at a time: enough to fill its steps.
constexpr std::size_t kAtATime = 32;

double ms_since(std::chrono::steady_clock::time_point from) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - from).count();
}

}  // namespace

EmbeddingAnswer::EmbeddingAnswer(AnswerTools tools, std::shared_ptr<HttpExchange> exchange,
                                 EmbeddingPlan plan)
    : tools_(tools),
      exchange_(std::move(exchange)),
      plan_(std::move(plan)),
      embeddings_(plan_.requests.size()) {}

api::ApiResult<void> EmbeddingAnswer::launch(AnswerTools tools,
                                             std::shared_ptr<HttpExchange> exchange,
                                             EmbeddingPlan plan) {
  auto answer = std::make_shared<EmbeddingAnswer>(tools, exchange, std::move(plan));
  {
    const std::lock_guard lock(answer->mutex_);
    if (const Status first = answer->submit_next(); !first) {
      answer->over_ = true;
      return tl::unexpected(api::from_error(first.error()));
    }
    answer->go_on();
  }
  exchange->on_gone([weak = std::weak_ptr(answer)] {
    if (const auto alive = weak.lock()) {
      alive->gone();
    }
  });
  return {};
}

Status EmbeddingAnswer::submit_next() {
  const std::size_t next = ids_.size();
  auto handler = [self = shared_from_this(), next](TokenEvent&& event) {
    self->tools_.replies.post(self, static_cast<std::int32_t>(next), std::move(event));
  };
  // A copy: a full queue may refuse it, and it is tried again.
  MONOCLE_ASSIGN(const RequestId id,
                 tools_.engines.submit(Request(plan_.requests[next]), std::move(handler)));
  plan_.requests[next] = {};
  ids_.push_back(id);
  ++open_;
  return {};
}

// Submits what there is room for. While others fill the queue, what is under way goes on alone.
void EmbeddingAnswer::go_on() {
  while (!over_ && open_ < kAtATime && ids_.size() < plan_.requests.size()) {
    const Status submitted = submit_next();
    if (!submitted && (open_ == 0 || submitted.error().code != ErrorCode::kQueueFull)) {
      fail(api::from_error(submitted.error()));
    }
    if (!submitted) {
      return;
    }
  }
}

void EmbeddingAnswer::on_event(std::int32_t index, TokenEvent&& event) {
  const std::lock_guard lock(mutex_);
  --open_;  // every event of an embedding is its last
  count(event);
  if (over_) {
    return;
  }
  if (event.finish != FinishReason::kStop) {
    const bool cancelled = event.finish == FinishReason::kCancelled;
    fail(api::generation_failed(cancelled ? "the server is shutting down" : event.error));
    return;
  }
  keep(static_cast<std::size_t>(index), event);
  go_on();
  if (!over_ && open_ == 0) {
    complete();
  }
}

void EmbeddingAnswer::keep(std::size_t index, const TokenEvent& event) {
  auto embedding = api::unit_embedding(event.embedding, plan_.form.dimensions);
  if (!embedding) {
    fail(api::generation_failed(fmt::format("the state of input {} has no direction", index)));
    return;
  }
  embeddings_[index] = std::move(*embedding);
  usage_.prompt_tokens += event.usage.prompt_tokens;
  usage_.cached_tokens += event.usage.cached_tokens;
  usage_.image_tokens += event.usage.media_tokens - plan_.video_tokens;
  usage_.video_tokens += plan_.video_tokens;
}

void EmbeddingAnswer::complete() {
  over_ = true;
  plan_.headers.push_back({"Content-Type", "application/json"});
  plan_.headers.push_back(
      {"openai-processing-ms", fmt::format("{:.0f}", ms_since(plan_.received))});
  exchange_->reply(
      {200, std::move(plan_.headers), api::format_embeddings(plan_.form, embeddings_, usage_)});
}

void EmbeddingAnswer::fail(const api::ApiError& error) {
  over_ = true;
  for (const RequestId id : ids_) {
    tools_.engines.cancel(id);
  }
  plan_.headers.push_back({"Content-Type", "application/json"});
  exchange_->reply({error.status, std::move(plan_.headers), api::format_error(error)});
}

// I/O thread: the client left. The events of the cancelled inputs end this answer.
void EmbeddingAnswer::gone() {
  const std::lock_guard lock(mutex_);
  over_ = true;
  for (const RequestId id : ids_) {
    tools_.engines.cancel(id);
  }
}

void EmbeddingAnswer::count(const TokenEvent& event) {
  api::RequestSample sample;
  sample.finish_reason = "abort";
  if (event.finish != FinishReason::kCancelled) {
    sample.finish_reason = event.finish == FinishReason::kStop ? "stop" : "error";
  }
  sample.prompt_tokens = event.usage.prompt_tokens;
  sample.cached_tokens = event.usage.cached_tokens;
  sample.image_tokens = event.usage.media_tokens;
  sample.e2e_s = ms_since(plan_.received) / 1000;
  sample.upload_s = plan_.upload_ms / 1000;
  sample.media_s = plan_.media_ms / 1000;
  tools_.metrics.finished(sample);
}

}  // namespace monocle::service
