// SPDX-License-Identifier: Apache-2.0
#include "engine/engine.h"

#include <algorithm>
#include <bit>

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

// Tokens of the prompt matter to the repetition penalty only.
void count_prompt(Sequence& sequence) {
  if (sequence.request.sampling.repetition_penalty == 1.0F) {
    return;
  }
  std::vector<std::int32_t> ids = sequence.request.prompt.token_ids;
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  for (const std::int32_t id : ids) {
    sequence.seen.push_back({id, 0});
  }
}

// Rising ids, each once: a device reads such a list with a thread per entry.
std::vector<LogitBias> merged_bias(const std::vector<LogitBiasEntry>& entries) {
  std::vector<LogitBias> out;
  for (const LogitBiasEntry& entry : entries) {
    const auto at = std::ranges::lower_bound(out, entry.token_id, {}, &LogitBias::id);
    if (at != out.end() && at->id == entry.token_id) {
      at->value += entry.bias;
    } else {
      out.insert(at, {entry.token_id, entry.bias});
    }
  }
  return out;
}

// Guesses of all sequences in one step. They cost no extra reading of the weights while few
// sequences run; with many, the rows would only compete with each other.
std::int32_t draft_rows(const EngineLimits& limits) {
  return limits.draft_tokens * std::min(limits.sequences, 4);
}

std::int32_t sample_limit(const EngineLimits& limits) {
  return limits.sequences + draft_rows(limits);
}

Status check_limits(const EngineLimits& limits) {
  if (limits.sequences < 1 || limits.step_tokens < limits.sequences) {
    return fail(ErrorCode::kInvalidArgument,
                "a step of {} tokens is too small for {} sequences: each needs one",
                limits.step_tokens, limits.sequences);
  }
  if (limits.window_tokens < 0 || limits.sink_tokens < 0 || limits.draft_tokens < 0) {
    return fail(ErrorCode::kInvalidArgument,
                "a window of {} tokens, {} sinks and {} guesses: none may be negative",
                limits.window_tokens, limits.sink_tokens, limits.draft_tokens);
  }
  return {};
}

std::size_t step_bucket(std::int64_t tokens) {
  const auto bits = std::bit_width(static_cast<std::uint64_t>(tokens - 1));
  return std::min(static_cast<std::size_t>(bits), kStepBuckets - 1);
}

}  // namespace

EngineMemory engine_memory(const EngineLimits& requested, const ModelFacts& facts) {
  const EngineLimits limits = resolved(requested, facts);
  const std::int64_t samples = sample_limit(limits);
  const std::int64_t longest = blocks_for(limits.context_tokens, limits.block_tokens);
  return {.plan = {.step_tokens = limits.step_tokens,
                   .sequences = limits.sequences,
                   .samples = samples,
                   .blocks_per_sequence = longest,
                   .patches = limits.patches},
          .logits = static_cast<std::size_t>(samples * facts.vocab) * sizeof(float),
          .hidden = static_cast<std::size_t>(limits.sequences * facts.hidden) * sizeof(float),
          .media = static_cast<std::size_t>(limits.media_rows * (1 + facts.deepstack_levels) *
                                            facts.hidden) *
                   sizeof(float),
          .kv_block = KvShape::of(facts, limits.kv, limits.block_tokens).block_bytes(),
          .kv_blocks = std::max(longest, blocks_for(limits.kv_tokens, limits.block_tokens)),
          .kv_blocks_least = longest};
}

Result<std::unique_ptr<Engine>> Engine::create(Model& model, Backend& backend,
                                               const EngineLimits& requested) {
  const ModelFacts& facts = model.facts();
  const EngineLimits limits = resolved(requested, facts);
  MONOCLE_TRY(check_limits(limits));
  const EngineMemory sizes = engine_memory(limits, facts);
  MONOCLE_TRY(model.plan(sizes.plan));
  MONOCLE_ASSIGN(KvCache kv, KvCache::allocate(backend.memory(),
                                               KvShape::of(facts, limits.kv, limits.block_tokens),
                                               static_cast<std::int32_t>(sizes.kv_blocks)));
  MONOCLE_ASSIGN(MediaRows media, MediaRows::allocate(backend.memory(), limits.media_rows,
                                                      1 + facts.deepstack_levels, facts.hidden));
  MONOCLE_ASSIGN(void* logits, backend.memory().allocate(sizes.logits));
  const auto hidden = backend.memory().allocate(sizes.hidden);
  if (!hidden) {
    backend.memory().release(logits);
    return tl::unexpected(hidden.error());
  }
  const StepOutputs outputs{{logits, DType::kF32, sizes.plan.samples, facts.vocab},
                            {*hidden, DType::kF32, limits.sequences, facts.hidden}};
  return std::unique_ptr<Engine>(
      new Engine(model, backend, limits, std::move(kv), std::move(media), outputs));
}

Engine::Engine(Model& model, Backend& backend, const EngineLimits& limits, KvCache kv,
               MediaRows media, const StepOutputs& outputs)
    : model_(model),
      backend_(backend),
      limits_(limits),
      kv_(std::move(kv)),
      media_rows_(std::move(media)),
      outputs_(outputs),
      ledger_(kv_.layers().front().blocks, {.block_tokens = limits.block_tokens,
                                            .window = limits.window_tokens,
                                            .sinks = limits.sink_tokens,
                                            .prefix_cache = limits.prefix_cache,
                                            .share_answers = limits.share_answers}),
      media_(limits.media_rows),
      scheduler_({.step_tokens = limits.step_tokens,
                  .sequences = limits.sequences,
                  .context_tokens = limits.context_tokens,
                  .queue = limits.queue,
                  .merge = limits.merge,
                  .media_patches = limits.media_patches,
                  .draft_tokens = limits.draft_tokens,
                  .draft_rows = draft_rows(limits)},
                 ledger_, media_),
      builder_({.block_tokens = limits.block_tokens,
                .max_blocks = static_cast<std::int32_t>(ledger_.blocks_for(limits.context_tokens)),
                .window = limits.window_tokens,
                .sinks = limits.sink_tokens}),
      mask_words_((static_cast<std::size_t>(limits.vocab) + 31) / 32) {
  masks_.resize(static_cast<std::size_t>(limits.sequences) * mask_words_);
  sample_rows_.reserve(static_cast<std::size_t>(sample_limit(limits)));
  sampled_.reserve(sample_rows_.capacity());
}

Engine::~Engine() {
  backend_.memory().release(outputs_.logits.data);
  backend_.memory().release(outputs_.hidden.data);
}

Result<std::unique_ptr<Sequence>> Engine::prepare(RequestId id, Request request) const {
  MONOCLE_TRY(check_request(
      request,
      {.vocab = model_.facts().vocab, .patches = limits_.patches, .merge = limits_.merge}));
  auto sequence = std::make_unique<Sequence>();
  sequence->id = id;
  sequence->tokens = request.prompt.token_ids;
  sequence->bias = merged_bias(request.sampling.logit_bias);
  sequence->request = std::move(request);
  count_prompt(*sequence);
  sequence->submitted = Clock::now();
  MONOCLE_TRY(scheduler_.check(*sequence));
  // All that the answer can grow to, so that no step takes memory for it.
  const auto longest = static_cast<std::size_t>(
      std::min(sequence->prompt_tokens() + sequence->request.max_tokens, limits_.context_tokens));
  const std::size_t blocks = longest / static_cast<std::size_t>(limits_.block_tokens) + 1;
  sequence->tokens.reserve(longest);
  sequence->kv.table.reserve(blocks);
  sequence->kv.content.reserve(blocks);
  ledger_.describe_prompt(*sequence);
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
  finish_marked(FinishReason::kCancelled, "", events);  // that had been asked for before
  cancel_all();
  finish_marked(FinishReason::kError, message, events);
}

std::vector<std::unique_ptr<Sequence>> Engine::take_unanswered() {
  marked_.clear();
  scheduler_.for_each([&](Sequence& sequence) {
    if (!sequence.cancelled && sequence.generated() == 0) {
      marked_.push_back(&sequence);
    }
  });
  std::vector<std::unique_ptr<Sequence>> taken;
  for (Sequence* sequence : marked_) {
    taken.push_back(scheduler_.remove(sequence));
  }
  return taken;
}

void Engine::finish_marked(FinishReason reason, const std::string& error,
                           std::vector<TokenEvent>& events) {
  marked_.clear();
  scheduler_.for_each([&](Sequence& sequence) {
    if (sequence.cancelled) {
      marked_.push_back(&sequence);
    }
  });
  for (Sequence* sequence : marked_) {
    TokenEvent event;
    event.finish = reason;
    event.error = error;
    finish(sequence, std::move(event), events);
  }
}

bool Engine::step(std::vector<TokenEvent>& events) {
  const std::size_t before = events.size();
  finish_marked(FinishReason::kCancelled, "", events);
  scheduler_.plan(plan_);
  const bool planned = !plan_.empty() || !plan_.media.empty();
  encode_media(events);
  if (plan_.empty()) {
    MONOCLE_CHECK(!idle() || consistent());
    return planned || events.size() > before;
  }
  const Clock::time_point start = Clock::now();
  run(builder_.build(plan_, media_rows_));
  deliver(milliseconds(start, Clock::now()), events);
  return true;
}

void Engine::run(const StepInputs& inputs) {
  const StepOutputs outputs{outputs_.logits.slice_rows(0, std::ssize(inputs.sample_rows)),
                            outputs_.hidden.slice_rows(0, std::ssize(inputs.hidden_rows))};
  model_.forward(inputs, kv_.layers(), outputs, nullptr);
  sample(inputs);
  read_hidden(outputs.hidden.rows);
  const auto tokens = static_cast<std::int64_t>(inputs.token_ids.size());
  ++counted_.steps;
  counted_.step_tokens += tokens;
  ++counted_.step_sizes[step_bucket(tokens)];
}

void Engine::encode_media(std::vector<TokenEvent>& events) {
  const Clock::time_point start = Clock::now();
  encoding_.clear();
  for (std::size_t i = 0; i < plan_.media.size();) {
    // A failed job takes all jobs of its sequence out of the plan, itself at least.
    i = encode(plan_.media[i], events) ? i + 1 : 0;
  }
  if (encoding_.empty()) {
    return;
  }
  backend_.wait(backend_.mark());
  const double spent = milliseconds(start, Clock::now());
  for (Sequence* sequence : encoding_) {
    sequence->timing.vision_ms += spent;
  }
}

// A share of the vision tower that costs about as much as media_patches patches do in the whole of
// it: the answers that run beside a large picture go on between two parts of it.
LayerRange Engine::next_layers(const MediaPool::Handle& handle, const Patches& patches) const {
  const std::int32_t all = model_.facts().vision_layers;
  const std::int32_t begin = handle.entry == in_tower_ ? media_.layers(handle) : 0;
  const std::int64_t share = limits_.media_patches * all / patches.grid.patches();
  return {begin, static_cast<std::int32_t>(
                     std::min<std::int64_t>(all, begin + std::max<std::int64_t>(share, 1)))};
}

// A picture that cannot be encoded fails its own request only: its slices are taken out of the
// step. So are those that read a picture whose last layers are still to come.
bool Engine::encode(const MediaJob& job, std::vector<TokenEvent>& events) {
  Sequence& sequence = *job.sequence;
  const auto index = static_cast<std::size_t>(job.item);
  const MediaPool::Handle& handle = sequence.media[index];
  if (media_.encoded(handle)) {
    return true;
  }
  const Patches& patches = *sequence.request.prompt.media[index].patches;
  const LayerRange layers = next_layers(handle, patches);
  const Status status =
      model_.encode_layers(patches, media_rows_, handle.first_row, layers, nullptr);
  in_tower_ = handle.entry;
  if (!status) {
    plan_.drop(&sequence);
    std::erase(encoding_, &sequence);
    TokenEvent event;
    event.finish = FinishReason::kError;
    event.error = status.error().message;
    finish(&sequence, std::move(event), events);
    return false;
  }
  if (layers.end < model_.facts().vision_layers) {
    media_.note_layers(handle, layers.end);
    plan_.postpone(handle.entry);
  } else {
    media_.mark_encoded(handle);
  }
  if (std::ranges::find(encoding_, &sequence) == encoding_.end()) {
    encoding_.push_back(&sequence);
  }
  return true;
}

EngineStats Engine::stats() const {
  EngineStats stats = counted_;
  stats.waiting = static_cast<std::int64_t>(scheduler_.waiting());
  stats.running = static_cast<std::int64_t>(scheduler_.running());
  scheduler_.for_each([&](const Sequence& sequence) { stats.paused += sequence.paused ? 1 : 0; });
  stats.kv_blocks_total = ledger_.blocks().total();
  stats.kv_blocks_used = ledger_.blocks().used_count();
  stats.kv_blocks_cached = ledger_.blocks().cached_count();
  const SchedulerCounts& counts = scheduler_.counts();
  stats.preemptions = counts.preemptions;
  stats.prefix_query_tokens = counts.prefix_query_tokens;
  stats.prefix_hit_tokens = counts.prefix_hit_tokens;
  stats.media_queries = counts.media_queries;
  stats.media_hits = counts.media_hits;
  return stats;
}

bool Engine::consistent() const {
  return ledger_.consistent() &&
         (!idle() || (ledger_.blocks().used_count() == 0 && media_.pinned_rows() == 0));
}

}  // namespace monocle
