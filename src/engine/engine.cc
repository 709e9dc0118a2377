// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <algorithm>

#include "base/check.h"
#include "engine/request_check.h"

namespace monocle {
namespace {

std::int64_t blocks_for(std::int64_t tokens, std::int32_t block_tokens) {
  return (tokens + block_tokens - 1) / block_tokens;
}

EngineLimits resolved(EngineLimits limits, const ModelFacts& facts) {
  limits.context_tokens = std::min(limits.context_tokens, facts.max_positions);
  if (limits.kv_tokens == 0) {
    limits.kv_tokens = limits.context_tokens * limits.sequences;
  }
  if (limits.media_rows == 0) {
    limits.media_rows = limits.context_tokens;
  }
  if (limits.vocab == 0) {
    limits.vocab = static_cast<std::int32_t>(facts.vocab);
  }
  return limits;
}

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

bool penalised(const SamplingParams& sampling) {
  return sampling.repetition_penalty != 1.0F || sampling.presence_penalty != 0.0F ||
         sampling.frequency_penalty != 0.0F;
}

void count_token(std::vector<TokenCount>& seen, std::int32_t id, std::int32_t generated) {
  const auto known = std::ranges::find(seen, id, &TokenCount::id);
  if (known != seen.end()) {
    known->generated += generated;
  } else {
    seen.push_back({id, generated});
  }
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(Model& model, Backend& backend,
                                               const EngineLimits& requested) {
  const ModelFacts& facts = model.facts();
  const EngineLimits limits = resolved(requested, facts);
  const std::int64_t max_blocks = blocks_for(limits.context_tokens, limits.block_tokens);
  const std::int64_t kv_blocks =
      std::max(max_blocks, blocks_for(limits.kv_tokens, limits.block_tokens));
  MONOCLE_TRY(model.plan({.step_tokens = limits.step_tokens,
                          .sequences = limits.sequences,
                          .samples = limits.sequences,
                          .blocks_per_sequence = max_blocks,
                          .patches = limits.patches}));
  MONOCLE_ASSIGN(KvCache kv, KvCache::allocate(backend.memory(),
                                               KvShape::of(facts, limits.kv, limits.block_tokens),
                                               static_cast<std::int32_t>(kv_blocks)));
  MONOCLE_ASSIGN(MediaRows media, MediaRows::allocate(backend.memory(), limits.media_rows,
                                                      1 + facts.deepstack_levels, facts.hidden));
  MONOCLE_ASSIGN(void* logits,
                 backend.memory().allocate(static_cast<std::size_t>(limits.sequences) *
                                           static_cast<std::size_t>(facts.vocab) * sizeof(float)));
  return std::unique_ptr<Engine>(
      new Engine(model, backend, limits, std::move(kv), std::move(media), logits));
}

Engine::Engine(Model& model, Backend& backend, const EngineLimits& limits, KvCache kv,
               MediaRows media, void* logits)
    : model_(model),
      backend_(backend),
      limits_(limits),
      kv_(std::move(kv)),
      media_rows_(std::move(media)),
      logits_(logits),
      blocks_(kv_.layers().front().blocks),
      media_(limits.media_rows),
      scheduler_({.step_tokens = limits.step_tokens,
                  .sequences = limits.sequences,
                  .context_tokens = limits.context_tokens,
                  .block_tokens = limits.block_tokens,
                  .queue = limits.queue,
                  .merge = limits.merge},
                 blocks_, media_),
      builder_(limits.block_tokens,
               static_cast<std::int32_t>(blocks_for(limits.context_tokens, limits.block_tokens))) {}

Engine::~Engine() { backend_.memory().release(logits_); }

Result<std::unique_ptr<Sequence>> Engine::prepare(RequestId id, Request request) const {
  MONOCLE_TRY(check_request(
      request,
      {.vocab = model_.facts().vocab, .patches = limits_.patches, .merge = limits_.merge}));
  auto sequence = std::make_unique<Sequence>();
  sequence->id = id;
  sequence->tokens = request.prompt.token_ids;
  for (const LogitBiasEntry& entry : request.sampling.logit_bias) {
    sequence->bias.push_back({entry.token_id, entry.bias});
  }
  if (penalised(request.sampling)) {
    for (const std::int32_t token : request.prompt.token_ids) {
      count_token(sequence->seen, token, 0);
    }
  }
  sequence->request = std::move(request);
  sequence->submitted = Clock::now();
  MONOCLE_TRY(scheduler_.check(*sequence));
  return sequence;
}

Status Engine::enqueue(std::unique_ptr<Sequence> sequence) {
  return scheduler_.submit(std::move(sequence));
}

Result<RequestId> Engine::submit(Request request) {
  MONOCLE_ASSIGN(auto sequence, prepare(next_id_, std::move(request)));
  MONOCLE_TRY(enqueue(std::move(sequence)));
  return next_id_++;
}

void Engine::cancel(RequestId id) {
  if (Sequence* sequence = scheduler_.find(id)) {
    sequence->cancelled = true;
  }
}

void Engine::cancel_all() {
  scheduler_.for_each([](Sequence& sequence) { sequence.cancelled = true; });
}

void Engine::pause(RequestId id, bool paused) {
  if (Sequence* sequence = scheduler_.find(id)) {
    sequence->paused = paused;
  }
}

void Engine::fail_all(const std::string& message, std::vector<TokenEvent>& events) {
  cancel_all();
  cancelled_.clear();
  scheduler_.collect_cancelled(cancelled_);
  for (Sequence* sequence : cancelled_) {
    TokenEvent event;
    event.finish = FinishReason::kError;
    event.error = message;
    finish(sequence, std::move(event), events);
  }
}

bool Engine::step(std::vector<TokenEvent>& events) {
  const std::size_t before = events.size();
  finish_cancelled(events);
  scheduler_.plan(plan_);
  encode_media(events);
  if (plan_.empty()) {
    MONOCLE_CHECK(!idle() || consistent());
    return events.size() > before;
  }
  const Clock::time_point start = Clock::now();
  const StepInputs inputs = builder_.build(plan_, media_rows_);
  const TensorView logits{logits_, DType::kF32,
                          static_cast<std::int64_t>(inputs.sample_rows.size()),
                          model_.facts().vocab};
  model_.forward(inputs, kv_.layers(), logits, nullptr);
  sample(inputs);
  ++steps_;
  deliver(milliseconds(start, Clock::now()), events);
  return true;
}

// A picture that cannot be encoded fails its own request only: its slices are taken out of the
// step.
void Engine::encode_media(std::vector<TokenEvent>& events) {
  for (const MediaJob& job : plan_.media) {
    Sequence& sequence = *job.sequence;
    const MediaPool::Handle& handle = sequence.media[static_cast<std::size_t>(job.item)];
    if (sequence.cancelled ||
        media_.encoded(handle)) {  // two requests with the same new picture in one step
      continue;
    }
    const Clock::time_point start = Clock::now();
    const Patches& patches =
        *sequence.request.prompt.media[static_cast<std::size_t>(job.item)].patches;
    const Status status = model_.encode_media(patches, media_rows_, handle.first_row, nullptr);
    if (!status) {
      std::erase_if(plan_.slices, [&](const Slice& slice) { return slice.sequence == &sequence; });
      TokenEvent event;
      event.finish = FinishReason::kError;
      event.error = status.error().message;
      std::erase_if(plan_.media,
                    [&](const MediaJob& other) { return other.sequence == &sequence; });
      finish(&sequence, std::move(event), events);
      return encode_media(events);  // the rest of a list that has just changed
    }
    backend_.wait(backend_.mark());
    media_.mark_encoded(handle);
    sequence.timing.vision_ms += milliseconds(start, Clock::now());
  }
}

void Engine::sample(const StepInputs& inputs) {
  sample_rows_.clear();
  for (const Slice& slice : plan_.slices) {
    if (!slice.samples) {
      continue;
    }
    const Sequence& sequence = *slice.sequence;
    const SamplingParams& p = sequence.request.sampling;
    sample_rows_.push_back({.temperature = p.temperature,
                            .top_k = p.top_k,
                            .top_p = p.top_p,
                            .min_p = p.min_p,
                            .repetition_penalty = p.repetition_penalty,
                            .presence_penalty = p.presence_penalty,
                            .frequency_penalty = p.frequency_penalty,
                            .seen = sequence.seen,
                            .bias = sequence.bias,
                            .seed = p.seed,
                            .step = static_cast<std::uint64_t>(sequence.generated()),
                            .top_logprobs = p.top_logprobs});
  }
  MONOCLE_CHECK(sample_rows_.size() == inputs.sample_rows.size());
  sampled_.resize(sample_rows_.size());
  if (!sample_rows_.empty()) {
    const ConstTensorView logits{logits_, DType::kF32, std::ssize(sample_rows_),
                                 model_.facts().vocab};
    backend_.sample(
        {.logits = logits, .vocab = limits_.vocab, .rows = sample_rows_, .out = sampled_});
  }
  backend_.wait(backend_.mark());
}

void Engine::deliver(double step_ms, std::vector<TokenEvent>& events) {
  std::size_t next = 0;
  for (const Slice& slice : plan_.slices) {
    Sequence& sequence = *slice.sequence;
    if (sequence.generated() == 0) {
      sequence.timing.prefill_ms += step_ms;
    }
    sequence.computed = slice.start + slice.count;
    if (slice.samples) {
      accept(sequence, sampled_[next++], events);
    }
  }
}

void Engine::accept(Sequence& sequence, const SampledToken& token,
                    std::vector<TokenEvent>& events) {
  const Request& request = sequence.request;
  sequence.tokens.push_back(token.id);
  if (penalised(request.sampling)) {
    count_token(sequence.seen, token.id, 1);
  }
  if (sequence.generated() == 1) {
    sequence.first_token = Clock::now();
    sequence.timing.first_token_ms = milliseconds(sequence.submitted, sequence.first_token);
  }
  TokenEvent event;
  event.request = sequence.id;
  event.token_id = token.id;
  event.logprob = token.logprob;
  for (std::int32_t i = 0; i < token.top_count; ++i) {
    const TokenLogprob& top = token.top[static_cast<std::size_t>(i)];
    event.alternatives.push_back({top.id, top.logprob});
  }
  if (std::ranges::find(request.stop_token_ids, token.id) != request.stop_token_ids.end()) {
    event.finish = FinishReason::kStop;
  } else if (std::ssize(sequence.tokens) >= sequence.target) {
    event.finish = FinishReason::kLength;
  }
  if (event.finish == FinishReason::kNone) {
    events.push_back(std::move(event));
  } else {
    finish(&sequence, std::move(event), events);
  }
}

void Engine::finish(Sequence* sequence, TokenEvent event, std::vector<TokenEvent>& events) {
  const std::unique_ptr<Sequence> owned = scheduler_.remove(sequence);
  const Clock::time_point now = Clock::now();
  event.request = owned->id;
  event.usage.prompt_tokens = owned->prompt_tokens();
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

void Engine::finish_cancelled(std::vector<TokenEvent>& events) {
  cancelled_.clear();
  scheduler_.collect_cancelled(cancelled_);
  for (Sequence* sequence : cancelled_) {
    TokenEvent event;
    event.finish = FinishReason::kCancelled;
    finish(sequence, std::move(event), events);
  }
}

EngineStats Engine::stats() const {
  return {.waiting = static_cast<std::int64_t>(scheduler_.waiting()),
          .running = static_cast<std::int64_t>(scheduler_.running()),
          .kv_blocks_total = blocks_.total(),
          .kv_blocks_used = blocks_.used_count(),
          .steps = steps_};
}

bool Engine::consistent() const {
  return blocks_.consistent() &&
         (!idle() || (blocks_.used_count() == 0 && media_.pinned_rows() == 0));
}

}  // namespace monocle
