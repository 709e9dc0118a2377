// SPDX-License-Identifier: Apache-2.0
#include "engine/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "engine/prompt_lookup.h"

namespace monocle {

void StepPlan::drop(const Sequence* sequence) {
  std::erase_if(slices, [&](const Slice& slice) { return slice.sequence == sequence; });
  std::erase_if(media, [&](const MediaJob& job) { return job.sequence == sequence; });
}

void StepPlan::postpone(std::int32_t media_entry) {
  std::erase_if(slices, [&](const Slice& slice) {
    const Sequence& sequence = *slice.sequence;
    return std::ranges::any_of(sequence.request.prompt.spans, [&](const MediaSpan& span) {
      return span.offset < slice.start + slice.count && span.offset + span.count > slice.start &&
             sequence.media[static_cast<std::size_t>(span.item)].entry == media_entry;
    });
  });
}

Status Scheduler::check(Sequence& sequence) const {
  const std::int64_t prompt = sequence.prompt_tokens();
  const std::int64_t answer = sequence.request.embed ? 0 : sequence.request.max_tokens;
  if (prompt + std::min<std::int64_t>(answer, 1) > limits_.context_tokens) {
    return fail(ErrorCode::kTooLarge,
                "this model's maximum context length is {} tokens; the prompt has {}{}",
                limits_.context_tokens, prompt, answer > 0 ? " and needs room for an answer" : "");
  }
  std::int64_t media_rows = 0;
  for (const MediaItem& item : sequence.request.prompt.media) {
    media_rows += item.patches->grid.tokens(limits_.merge);
  }
  if (media_rows > media_.rows()) {
    return fail(ErrorCode::kTooLarge,
                "the request's pictures have {} tokens; the media pool holds {}", media_rows,
                media_.rows());
  }
  sequence.target = std::min(limits_.context_tokens, prompt + answer);
  const std::int64_t needed = kv_.peak_blocks(sequence.target, limits_.step_tokens);
  if (needed > kv_.blocks().total()) {
    return fail(ErrorCode::kTooLarge, "the request needs {} KV blocks; the cache has {}", needed,
                kv_.blocks().total());
  }
  return {};
}

Status Scheduler::submit(std::unique_ptr<Sequence> sequence) {
  const std::size_t live = waiting_.size() + running_.size();
  if (static_cast<std::int64_t>(live) >= std::int64_t{limits_.queue} + limits_.sequences) {
    return fail(ErrorCode::kQueueFull, "the queue is full: {} requests are running or waiting",
                live);
  }
  const auto place =
      std::ranges::find_if(waiting_, [&](const auto& other) { return sequence->before(*other); });
  waiting_.insert(place, std::move(sequence));
  return {};
}

void Scheduler::plan(StepPlan& plan) {
  plan.media.clear();
  plan.slices.clear();
  media_patches_ = 0;
  draft_rows_ = 0;
  admit(plan);
  order_.clear();
  for (const auto& sequence : running_) {
    order_.push_back(sequence.get());
  }
  std::int64_t budget = limits_.step_tokens;
  for (Sequence* sequence : order_) {
    if (sequence->runnable() && sequence->answering()) {
      plan_decode(*sequence, budget, plan);
    }
  }
  // A long prompt leaves a quarter of what is left to those behind it, if they can use it: a short
  // question does not wait until a long document has been read.
  const auto prefills = [](const Sequence* s) { return s->runnable() && !s->answering(); };
  std::int64_t behind = 0;
  for (const Sequence* sequence : order_) {
    behind += prefills(sequence) ? sequence->unread() : 0;
  }
  for (Sequence* sequence : order_) {
    if (prefills(sequence) && budget > 0 && std::ssize(plan.slices) < limits_.sequences) {
      behind -= sequence->unread();
      plan_prefill(*sequence, budget - std::min(behind, budget / 4), plan);
      const bool planned = !plan.slices.empty() && plan.slices.back().sequence == sequence;
      budget -= planned ? plan.slices.back().count : 0;
    }
  }
}

// One token of the answer: the one drawn last, or after a preemption the next one that was there
// already. Those are computed one by one as they were at first, so that not a bit of them differs.
void Scheduler::plan_decode(Sequence& sequence, std::int64_t& budget, StepPlan& plan) {
  if (budget < 1 || std::ssize(plan.slices) == limits_.sequences ||
      !make_room(sequence, sequence.computed + 1, plan)) {
    return;
  }
  const bool samples = sequence.pending() == 1;
  if (samples) {
    propose(sequence, budget - 1);
  }
  const std::int64_t count = 1 + std::ssize(sequence.draft);
  plan.slices.push_back(
      {&sequence, sequence.computed, count, samples ? static_cast<std::int32_t>(count) : 0});
  budget -= count;
}

// Guesses use only what nobody else wants: free blocks and budget beyond one token per sequence.
// Penalties and grammars depend on the tokens before, so such rows cannot be verified together.
void Scheduler::propose(Sequence& sequence, std::int64_t budget) {
  sequence.draft.clear();
  const SamplingParams& sampling = sequence.request.sampling;
  if (limits_.draft_tokens == 0 || !sequence.request.use_draft ||
      sampling.repetition_penalty != 1.0F || sampling.presence_penalty != 0.0F ||
      sampling.frequency_penalty != 0.0F || sequence.request.matcher != nullptr) {
    return;
  }
  if (sequence.draft_wait > 0) {
    --sequence.draft_wait;
    return;
  }
  const std::int64_t size = std::ssize(sequence.tokens);
  const std::int64_t count =
      std::min({std::int64_t{limits_.draft_tokens}, sequence.target - size - 1,
                std::int64_t{limits_.draft_rows - draft_rows_}, budget - 3 * std::ssize(order_)});
  prompt_lookup(sequence.tokens, count, sequence.draft);
  if (!sequence.draft.empty() && !kv_.grow(sequence, size + std::ssize(sequence.draft))) {
    sequence.draft.clear();
  }
  draft_rows_ += static_cast<std::int32_t>(sequence.draft.size());
}

// Ends a chunk so that no token of a prompt is computed alone, unless it is the whole prompt:
// kernels for one query add up in another order than those for many, and what a prompt's keys and
// values are must not depend on what else ran in its steps.
std::int64_t Scheduler::cut(const Sequence& sequence, std::int64_t end) {
  const std::int64_t prompt = sequence.prompt_tokens();
  end -= prompt - end == 1 ? 1 : 0;
  const bool alone = end - sequence.computed == 1 && prompt > 1;
  return alone ? sequence.computed : std::max(end, sequence.computed);
}

void Scheduler::plan_prefill(Sequence& sequence, std::int64_t budget, StepPlan& plan) {
  const std::int64_t prompt = sequence.prompt_tokens();
  const std::int64_t wanted = std::min(prompt, sequence.computed + budget);
  // Room for the least that cut() lets pass may cost others theirs; the rest of the chunk may not.
  const std::int64_t least =
      std::min(wanted, sequence.computed + (sequence.unread() > 3 ? 2 : sequence.unread()));
  if (!make_room(sequence, least, plan)) {
    return;
  }
  std::int64_t end = cut(sequence, plan_media(sequence, wanted, plan));
  while (end > sequence.computed && !kv_.grow(sequence, end)) {
    end = cut(sequence, std::max(least, sequence.computed + (end - sequence.computed) / 2));
  }
  if (end == sequence.computed && plan.empty() && plan.media.empty()) {
    end = sequence.computed + 1;  // steps or caches of a token or two: getting on comes first
  }
  if (end > sequence.computed) {
    const bool last = end == prompt && sequence.generated() == 0;
    const bool embeds = last && sequence.request.embed;
    plan.slices.push_back(
        {&sequence, sequence.computed, end - sequence.computed, last && !embeds ? 1 : 0, embeds});
  }
}

// Plans the encoding of media inside the chunk that ends at `end`, and ends the chunk before the
// first one that has to wait for a later step: a step lasts one picture, not ten.
std::int64_t Scheduler::plan_media(Sequence& sequence, std::int64_t end, StepPlan& plan) {
  const Prompt& prompt = sequence.request.prompt;
  for (const MediaSpan& span : prompt.spans) {
    if (span.offset >= end || span.offset + span.count <= sequence.computed) {
      continue;
    }
    const MediaPool::Handle& handle = sequence.media[static_cast<std::size_t>(span.item)];
    const auto same = [&](const MediaJob& job) {
      return job.sequence->media[static_cast<std::size_t>(job.item)].entry == handle.entry;
    };
    if (media_.encoded(handle) || std::ranges::any_of(plan.media, same)) {
      continue;
    }
    const std::int64_t patches =
        prompt.media[static_cast<std::size_t>(span.item)].patches->grid.patches();
    if (!plan.media.empty() && media_patches_ + patches > limits_.media_patches) {
      return std::max(sequence.computed, span.offset);
    }
    media_patches_ += patches;
    plan.media.push_back({&sequence, span.item});
  }
  return end;
}

// Blocks for tokens [0, end), taken from the sequences behind this one if it must be. False: it is
// the last one itself, and has given way.
bool Scheduler::make_room(Sequence& sequence, std::int64_t end, StepPlan& plan) {
  while (!kv_.grow(sequence, end)) {
    Sequence* last = victim();
    MONOCLE_CHECK(last != nullptr);
    preempt(*last, plan);
    if (last == &sequence) {
      return false;
    }
  }
  return true;
}

// Who gives way: a paused sequence, whose reader is slow anyway, else the last in order.
Sequence* Scheduler::victim() const {
  Sequence* last = nullptr;
  for (const auto& sequence : running_) {
    if (!sequence->kv.table.empty() && (last == nullptr || sequence->paused || !last->paused)) {
      last = sequence.get();
    }
  }
  return last;
}

void Scheduler::preempt(Sequence& sequence, StepPlan& plan) {
  plan.drop(&sequence);
  kv_.release(sequence);
  unpin_media(sequence, sequence.prompt_tokens());
  sequence.draft.clear();
  sequence.running = false;
  move_sequence(sequence, running_, waiting_);
  ++counts_.preemptions;
}

void Scheduler::move_sequence(Sequence& sequence, Queue& from, Queue& to) {
  const auto is_it = [&](const auto& owned) { return owned.get() == &sequence; };
  const auto at = std::ranges::find_if(from, is_it);
  MONOCLE_CHECK(at != from.end());
  std::unique_ptr<Sequence> owned = std::move(*at);
  from.erase(at);
  const auto behind = [&](const auto& other) { return sequence.before(*other); };
  to.insert(std::ranges::find_if(to, behind), std::move(owned));
}

void Scheduler::advance(Sequence& sequence) {
  kv_.advance(sequence);
  unpin_media(sequence, sequence.computed);
}

std::unique_ptr<Sequence> Scheduler::remove(Sequence* sequence) {
  kv_.release(*sequence);
  unpin_media(*sequence, sequence->prompt_tokens());
  Queue& queue = sequence->running ? running_ : waiting_;
  const auto at =
      std::ranges::find_if(queue, [&](const auto& owned) { return owned.get() == sequence; });
  MONOCLE_CHECK(at != queue.end());
  std::unique_ptr<Sequence> out = std::move(*at);
  queue.erase(at);
  return out;
}

Sequence* Scheduler::find(RequestId id) const {
  Sequence* found = nullptr;
  for_each([&](Sequence& sequence) { found = sequence.id == id ? &sequence : found; });
  return found;
}

void Scheduler::for_each(FunctionRef<void(Sequence&)> visit) const {
  for (const Queue* queue : {&waiting_, &running_}) {
    for (const auto& sequence : *queue) {
      visit(*sequence);
    }
  }
}

}  // namespace monocle
