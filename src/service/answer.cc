// SPDX-License-Identifier: Apache-2.0
#include "service/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/errors.h"
#include "api/sse.h"

namespace monocle::service {
namespace {

using Clock = std::chrono::steady_clock;

double ms_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

api::TokenLogprob logprob_of(const Tokenizer& tokenizer, std::int32_t id, float logprob) {
  return {std::string(tokenizer.bytes_of(id)), id, logprob, {}};
}

std::int64_t media_tokens(const Prompt& prompt) {
  std::int64_t count = 0;
  for (const MediaSpan& span : prompt.spans) {
    count += span.count;
  }
  return count;
}

}  // namespace

Answer::Answer(AnswerTools tools, std::shared_ptr<HttpExchange> exchange, AnswerPlan plan)
    : tools_(tools), exchange_(std::move(exchange)), plan_(std::move(plan)) {}

api::ApiResult<void> Answer::launch(AnswerTools tools, std::shared_ptr<HttpExchange> exchange,
                                    AnswerPlan plan) {
  auto answer = std::make_shared<Answer>(tools, exchange, std::move(plan));
  {
    // The first event may come before the last choice is submitted; it waits for this lock.
    const std::lock_guard lock(answer->mutex_);
    if (auto submitted = answer->submit_all(); !submitted) {
      answer->over_ = true;
      answer->cancel_all();
      return submitted;
    }
    if (answer->plan_.stream) {
      answer->open_stream();
    }
  }
  exchange->on_drained([weak = std::weak_ptr(answer)] {
    if (const auto alive = weak.lock()) {
      alive->drained();
    }
  });
  exchange->on_gone([weak = std::weak_ptr(answer)] {
    if (const auto alive = weak.lock()) {
      alive->gone();
    }
  });
  return {};
}

api::ApiResult<void> Answer::submit_all() {
  for (std::size_t i = 0; i < plan_.requests.size(); ++i) {
    Result<StreamDecoder> decoder = StreamDecoder::create(tools_.tokenizer, plan_.decode);
    if (!decoder) {
      return tl::unexpected(api::from_error(decoder.error(), "stop"));
    }
    parts_.emplace_back(std::move(*decoder));
  }
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    const auto index = static_cast<std::int32_t>(i);
    part.choice.index = index;
    Request& request = plan_.requests[i];
    part.usage.prompt_tokens = std::ssize(request.prompt.token_ids);
    part.usage.media_tokens = media_tokens(request.prompt);
    auto handler = [self = shared_from_this(), index](TokenEvent&& event) {
      self->tools_.replies.post(self, index, std::move(event));
    };
    Result<RequestId> id = tools_.engines.submit(std::move(request), std::move(handler));
    if (!id) {
      return tl::unexpected(api::from_error(id.error()));
    }
    part.id = *id;
    ids_.push_back(*id);
    ++open_;
  }
  plan_.requests.clear();
  return {};
}

void Answer::open_stream() {
  plan_.headers.push_back({"Content-Type", "text/event-stream; charset=utf-8"});
  plan_.headers.push_back({"Cache-Control", "no-cache"});
  plan_.headers.push_back({"X-Accel-Buffering", "no"});
  const double spent = ms_between(plan_.received, Clock::now());
  plan_.headers.push_back({"openai-processing-ms", fmt::format("{:.0f}", spent)});
  exchange_->start(200, std::move(plan_.headers));
  send(plan_.writer->begin(static_cast<std::int32_t>(parts_.size())));
  for (std::size_t i = 0; i < plan_.prefixes.size(); ++i) {
    emit_text(parts_[i], plan_.prefixes[i]);
  }
  flush();
  tools_.replies.watch(shared_from_this());
}

void Answer::on_event(std::int32_t index, TokenEvent&& event) {
  const std::lock_guard lock(mutex_);
  Part& part = parts_[static_cast<std::size_t>(index)];
  if (part.done) {
    return;
  }
  if (event.token_id >= 0 && !part.stopped && !over_) {
    take_token(part, event);
  }
  if (event.finish != FinishReason::kNone) {
    end_choice(part, event);
  }
}

void Answer::take_token(Part& part, const TokenEvent& event) {
  note_token_time(part);
  ++part.usage.completion_tokens;
  if (event.finish == FinishReason::kStop) {
    return;  // the end-of-turn token is not part of the text
  }
  if (plan_.logprobs) {
    part.waiting.push_back(logprob_of(tools_.tokenizer, event.token_id, event.logprob));
    for (const TokenAlternative& top : event.alternatives) {
      part.waiting.back().top.push_back(logprob_of(tools_.tokenizer, top.token_id, top.logprob));
    }
  }
  take_text(part, part.decoder.push(event.token_id), false);
  if (part.decoder.stopped()) {
    if (plan_.include_stop) {
      take_text(part, plan_.decode.stop[*part.decoder.stopped()], false);
    }
    stop_choice(part, "stop");
  } else if (plan_.loop_guard && part.guard.push(event.token_id)) {
    stop_choice(part, "length");
  }
}

void Answer::take_text(Part& part, const std::string& piece, bool last) {
  if (!plan_.tools) {
    if (!piece.empty()) {
      emit_text(part, piece);
    }
    return;
  }
  take_tool_events(part, part.tools.push(piece));
  if (last) {
    take_tool_events(part, part.tools.finish());
  }
}

void Answer::take_tool_events(Part& part, const std::vector<api::ToolEvent>& events) {
  for (const api::ToolEvent& event : events) {
    switch (event.kind) {
      case api::ToolEvent::Kind::kText:
        emit_text(part, event.text);
        break;
      case api::ToolEvent::Kind::kBegin:
        part.choice.tool_calls.push_back({event.text, {}});
        if (plan_.stream) {
          send(plan_.writer->call_begin(part.choice.index, event.call_index, event.text));
        }
        break;
      case api::ToolEvent::Kind::kArguments:
        part.choice.tool_calls.back().arguments += event.text;
        if (plan_.stream) {
          send(plan_.writer->call_arguments(part.choice.index, event.call_index, event.text));
        }
        break;
    }
  }
}

void Answer::emit_text(Part& part, std::string_view piece) {
  if (plan_.stream) {
    plan_.writer->count(usage());
    send(plan_.writer->text(part.choice.index, piece, part.waiting));
    part.waiting.clear();
    return;
  }
  part.choice.content += piece;
}

void Answer::stop_choice(Part& part, const char* reason) {
  part.stopped = true;
  part.reason = reason;
  tools_.engines.cancel(part.id);  // the terminal event follows within a step
}

void Answer::note_token_time(Part& part) {
  const Clock::time_point now = Clock::now();
  if (part.last_token != Clock::time_point{}) {
    tools_.metrics.inter_token(ms_between(part.last_token, now) / 1000);
  }
  part.last_token = now;
}

void Answer::end_choice(Part& part, const TokenEvent& event) {
  part.done = true;
  const std::int64_t taken = part.usage.completion_tokens;
  part.usage = event.usage;
  if (part.stopped) {
    part.usage.completion_tokens = taken;  // the engine went on until it was told
  }
  part.timing = event.timing;
  --open_;
  count_request(part, event);
  if (over_) {
    return;
  }
  if (event.finish == FinishReason::kError) {
    fail(event.error);
    return;
  }
  if (event.finish == FinishReason::kCancelled && part.reason == nullptr) {
    fail("the server is shutting down");
    return;
  }
  if (!part.stopped) {
    take_text(part, part.decoder.flush(), true);
  } else {
    take_text(part, {}, true);
  }
  const char* reason = part.reason;
  if (reason == nullptr) {
    reason = event.finish == FinishReason::kLength ? "length" : "stop";
  }
  part.choice.finish_reason =
      part.tools.calls() > 0 && reason == std::string_view("stop") ? "tool_calls" : reason;
  if (plan_.stream) {
    if (!part.waiting.empty()) {
      emit_text(part, {});  // tokens whose text was held back for a stop string
    }
    send(plan_.writer->finish(part.choice.index, part.choice.finish_reason));
  }
  if (open_ == 0) {
    complete();
  }
}

void Answer::complete() {
  over_ = true;
  if (plan_.stream) {
    send(plan_.writer->end(usage(), timing()));
    exchange_->finish();
    return;
  }
  std::vector<api::Choice> choices;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Part& part = parts_[i];
    part.choice.logprobs = std::move(part.waiting);
    if (i < plan_.prefixes.size()) {
      part.choice.content.insert(0, plan_.prefixes[i]);
    }
    choices.push_back(std::move(part.choice));
  }
  const double spent = ms_between(plan_.received, Clock::now());
  plan_.headers.push_back({"Content-Type", "application/json"});
  plan_.headers.push_back({"openai-processing-ms", fmt::format("{:.0f}", spent)});
  exchange_->reply(
      {200, std::move(plan_.headers), plan_.writer->whole(choices, usage(), timing())});
}

void Answer::fail(const std::string& message) {
  over_ = true;
  cancel_all();
  const api::ApiError error = api::generation_failed(message);
  if (plan_.stream) {
    send(plan_.writer->error(error));
    exchange_->finish();
    return;
  }
  plan_.headers.push_back({"Content-Type", "application/json"});
  exchange_->reply({error.status, std::move(plan_.headers), api::format_error(error)});
}

void Answer::send(std::string bytes) {
  if (bytes.empty()) {
    return;
  }
  quiet_ = false;
  exchange_->append(std::move(bytes));
  if (exchange_->queued_bytes() <= tools_.send_bytes || paused_.exchange(true)) {
    return;
  }
  for (const RequestId id : ids_) {
    tools_.engines.pause(id);
  }
  // It may have drained before we paused, and would not say so again.
  if (exchange_->queued_bytes() < tools_.send_bytes / 2) {
    drained();
  }
}

void Answer::ping() {
  const std::lock_guard lock(mutex_);
  if (!over_ && quiet_) {
    send(api::sse_ping());
    flush();
  }
  quiet_ = true;
}

void Answer::cancel_all() {
  for (const RequestId id : ids_) {
    tools_.engines.cancel(id);
  }
}

// I/O thread: the client left. The events of the cancelled requests end this answer.
void Answer::gone() { cancel_all(); }

// I/O thread.
void Answer::drained() {
  if (paused_.exchange(false)) {
    for (const RequestId id : ids_) {
      tools_.engines.resume(id);
    }
  }
}

api::Usage Answer::usage() const {
  api::Usage total;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const RequestUsage& usage = parts_[i].usage;
    total.completion_tokens += usage.completion_tokens;
    // The choices of one prompt share it.
    if (i % static_cast<std::size_t>(plan_.choices_per_prompt) == 0) {
      total.prompt_tokens += usage.prompt_tokens;
      total.cached_tokens += usage.cached_tokens;
      total.image_tokens += usage.media_tokens - plan_.video_tokens;
      total.video_tokens += plan_.video_tokens;
    }
  }
  return total;
}

api::Timing Answer::timing() const {
  api::Timing total;
  total.upload = plan_.upload_ms;
  total.media = plan_.media_ms;
  for (const Part& part : parts_) {
    total.queue = std::max(total.queue, part.timing.queue_ms);
    total.vision = std::max(total.vision, part.timing.vision_ms);
    total.prefill = std::max(total.prefill, part.timing.prefill_ms);
    total.decode = std::max(total.decode, part.timing.decode_ms);
    total.first_token = std::max(total.first_token, part.timing.first_token_ms);
  }
  return total;
}

void Answer::count_request(const Part& part, const TokenEvent& event) {
  const bool ended = event.finish == FinishReason::kStop || event.finish == FinishReason::kLength ||
                     part.reason != nullptr;
  api::RequestSample sample;
  sample.finish_reason = "abort";
  if (event.finish == FinishReason::kError) {
    sample.finish_reason = "error";
  } else if (ended) {
    sample.finish_reason = event.finish == FinishReason::kLength ? "length" : "stop";
  }
  const RequestTiming& t = event.timing;
  sample.prompt_tokens = event.usage.prompt_tokens;
  sample.cached_tokens = event.usage.cached_tokens;
  sample.generation_tokens = event.usage.completion_tokens;
  sample.image_tokens = event.usage.media_tokens;
  sample.e2e_s = ms_between(plan_.received, Clock::now()) / 1000;
  sample.upload_s = plan_.upload_ms / 1000;
  sample.media_s = plan_.media_ms / 1000;
  if (event.usage.completion_tokens > 0) {
    sample.queue_s = t.queue_ms / 1000;
    sample.prefill_s = t.prefill_ms / 1000;
    sample.decode_s = t.decode_ms / 1000;
    sample.vision_s = t.vision_ms / 1000;
    sample.first_token_s = t.first_token_ms / 1000;
    tools_.speed.note(event.usage, t);
  }
  tools_.metrics.finished(sample);
}

}  // namespace monocle::service
