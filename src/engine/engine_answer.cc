// SPDX-License-Identifier: Apache-2.0
// The second half of a step: from logits to events.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "engine/engine.h"
#include "grammar/token_matcher.h"

namespace monocle {
namespace {

bool penalised(const SamplingParams& sampling) {
  return sampling.repetition_penalty != 1.0F || sampling.presence_penalty != 0.0F ||
         sampling.frequency_penalty != 0.0F;
}

void count_token(std::vector<TokenCount>& seen, std::int32_t id, std::int32_t generated) {
  const auto at = std::ranges::lower_bound(seen, id, {}, &TokenCount::id);
  if (at != seen.end() && at->id == id) {
    at->generated += generated;
  } else {
    seen.insert(at, {id, generated});
  }
}

}  // namespace

// The tokens that the sequence's grammar allows next; null = all.
const std::uint32_t* Engine::mask_of(const Sequence& sequence, std::size_t row) {
  TokenMatcher* matcher = sequence.request.matcher.get();
  if (matcher == nullptr) {
    return nullptr;
  }
  const auto mask = std::span(masks_).subspan(row * mask_words_, mask_words_);
  if (matcher->finished()) {  // nothing may follow; it would not tell
    std::ranges::fill(mask, 0U);
    return mask.data();
  }
  return matcher->fill(mask) ? mask.data() : nullptr;
}

void Engine::sample(const StepInputs& inputs) {
  sample_rows_.clear();
  for (std::size_t i = 0; i < plan_.slices.size(); ++i) {
    const Slice& slice = plan_.slices[i];
    const Sequence& sequence = *slice.sequence;
    const SamplingParams& p = sequence.request.sampling;
    for (std::int32_t ahead = 0; ahead < slice.samples; ++ahead) {
      sample_rows_.push_back({.temperature = p.temperature,
                              .top_k = p.top_k,
                              .top_p = p.top_p,
                              .min_p = p.min_p,
                              .repetition_penalty = p.repetition_penalty,
                              .presence_penalty = p.presence_penalty,
                              .frequency_penalty = p.frequency_penalty,
                              .seen = sequence.seen,
                              .bias = sequence.bias,
                              .allowed = mask_of(sequence, i),
                              .seed = p.seed,
                              .step = static_cast<std::uint64_t>(sequence.generated() + ahead),
                              .top_logprobs = p.top_logprobs});
    }
  }
  MONOCLE_CHECK(sample_rows_.size() == inputs.sample_rows.size());
  sampled_.resize(sample_rows_.size());
  if (!sample_rows_.empty()) {
    backend_.sample({.logits = outputs_.logits.slice_rows(0, std::ssize(sample_rows_)),
                     .vocab = limits_.vocab,
                     .rows = sample_rows_,
                     .out = sampled_});
  }
  backend_.wait(backend_.mark());
}

// Behind sample(), which waits for the step.
void Engine::read_hidden(std::int64_t rows) {
  if (rows > 0) {
    hidden_.resize(static_cast<std::size_t>(rows * outputs_.hidden.cols));
    backend_.memory().read(hidden_.data(), outputs_.hidden.data, hidden_.size() * sizeof(float));
  }
}

void Engine::deliver(double step_ms, std::vector<TokenEvent>& events) {
  std::size_t next = 0;
  std::size_t next_hidden = 0;
  for (const Slice& slice : plan_.slices) {
    Sequence& sequence = *slice.sequence;
    if (sequence.generated() == 0) {
      sequence.timing.prefill_ms += step_ms;
    }
    if (slice.samples == 0) {
      sequence.computed = slice.start + slice.count;
      scheduler_.advance(sequence);
      if (slice.embeds) {
        deliver_embedding(sequence, next_hidden++, events);
      }
      continue;
    }
    const auto samples = static_cast<std::size_t>(slice.samples);
    deliver_samples(slice, std::span(sampled_).subspan(next, samples), events);
    next += samples;
  }
}

void Engine::deliver_embedding(Sequence& sequence, std::size_t row,
                               std::vector<TokenEvent>& events) {
  const auto size = static_cast<std::size_t>(outputs_.hidden.cols);
  const auto values = std::span(hidden_).subspan(row * size, size);
  counted_.prompt_tokens += sequence.prompt_tokens();
  TokenEvent event;
  event.finish = FinishReason::kStop;
  event.embedding.assign(values.begin(), values.end());
  finish(&sequence, std::move(event), events);
}

// Row j was computed behind j guesses. It counts if they were all right; then its token is the one
// that single steps would have drawn, because the draw depends on (seed, step) only.
void Engine::deliver_samples(const Slice& slice, std::span<const SampledToken> sampled,
                             std::vector<TokenEvent>& events) {
  Sequence& sequence = *slice.sequence;
  const std::size_t guesses = sequence.draft.size();
  std::size_t right = 0;
  TokenEvent event = accept(sequence, sampled[0]);
  while (event.finish == FinishReason::kNone && right < guesses &&
         sampled[right].id == sequence.draft[right]) {
    events.push_back(std::move(event));
    event = accept(sequence, sampled[++right]);
  }
  if (guesses > 0) {
    counted_.draft_tokens += static_cast<std::int64_t>(guesses);
    counted_.draft_accepted += static_cast<std::int64_t>(right);
    sequence.draft_misses = right > 0 ? 0 : std::min(sequence.draft_misses + 1, 5);
    sequence.draft_wait = right > 0 ? 0 : 1 << sequence.draft_misses;
  }
  sequence.computed = slice.start + slice.count - static_cast<std::int64_t>(guesses - right);
  sequence.draft.clear();
  scheduler_.advance(sequence);
  if (event.finish == FinishReason::kNone) {
    events.push_back(std::move(event));
  } else {
    finish(&sequence, std::move(event), events);
  }
}

// Appends a drawn token to the sequence and tells whether it was the last. A request with a grammar
// fails rather than give an answer that the grammar does not allow.
TokenEvent Engine::accept(Sequence& sequence, const SampledToken& token) {
  const Request& request = sequence.request;
  TokenEvent event;
  event.request = sequence.id;
  if (token.id < 0) {
    event.finish = FinishReason::kError;
    event.error = fmt::format(
        "no token is possible after {} tokens of the answer: {}", sequence.generated(),
        request.matcher != nullptr ? "the grammar allows none" : "the logits are not numbers");
    return event;
  }
  TokenMatcher* matcher = request.matcher.get();
  if (matcher != nullptr && !matcher->accept(token.id)) {
    event.finish = FinishReason::kError;
    event.error =
        fmt::format("the grammar refuses token {}, which was drawn from its own mask", token.id);
    return event;
  }
  sequence.tokens.push_back(token.id);
  ++counted_.generation_tokens;
  if (penalised(request.sampling)) {
    count_token(sequence.seen, token.id, 1);
  }
  if (sequence.generated() == 1) {
    sequence.first_token = Clock::now();
    sequence.timing.first_token_ms = milliseconds(sequence.submitted, sequence.first_token);
    counted_.prompt_tokens += sequence.prompt_tokens();
  }
  event.token_id = token.id;
  event.logprob = token.logprob;
  for (std::int32_t i = 0; i < token.top_count; ++i) {
    const TokenLogprob& top = token.top[static_cast<std::size_t>(i)];
    event.alternatives.push_back({top.id, top.logprob});
  }
  if (std::ranges::find(request.stop_token_ids, token.id) != request.stop_token_ids.end() ||
      (matcher != nullptr && matcher->finished())) {
    event.finish = FinishReason::kStop;
  } else if (std::ssize(sequence.tokens) >= sequence.target) {
    event.finish = FinishReason::kLength;
  }
  return event;
}

void Engine::finish(Sequence* sequence, TokenEvent event, std::vector<TokenEvent>& events) {
  const std::unique_ptr<Sequence> owned = scheduler_.remove(sequence);
  const Clock::time_point now = Clock::now();
  ++counted_.finished[static_cast<std::size_t>(event.finish)];
  event.request = owned->id;
  event.usage.prompt_tokens = owned->prompt_tokens();
  event.usage.cached_tokens = owned->cached_tokens;
  event.usage.completion_tokens = owned->generated();
  for (const MediaSpan& span : owned->request.prompt.spans) {
    event.usage.media_tokens += span.count;
  }
  event.timing = owned->timing;
  if (owned->admitted != Clock::time_point{}) {
    event.timing.queue_ms = milliseconds(owned->submitted, owned->admitted);
  }
  if (owned->generated() > 0) {
    event.timing.decode_ms = milliseconds(owned->first_token, now);
  }
  events.push_back(std::move(event));
}

}  // namespace monocle
