// SPDX-License-Identifier: Apache-2.0
// The scheduler's door: who is admitted next, and what it gets.
#include <algorithm>

#include "base/check.h"
#include "engine/scheduler.h"

namespace monocle {
namespace {

// After this many later requests were admitted first, a request is next, whatever its priority.
constexpr std::int32_t kPatience = 64;

}  // namespace

void Scheduler::admit(StepPlan& plan) {
  std::int64_t active = std::ranges::count_if(running_, [](const auto& s) { return !s->paused; });
  while (active < limits_.sequences) {
    Sequence* next = next_waiting();
    if (next == nullptr) {
      return;
    }
    while (!start(*next)) {
      Sequence* last = victim();
      if (last == nullptr || !last->paused) {
        return;  // in order: a small request does not overtake a large one for ever
      }
      preempt(*last, plan);
    }
    for (const auto& other : waiting_) {
      other->overtaken += other->id < next->id && !other->paused ? 1 : 0;
    }
    if (next->admitted == Clock::time_point{}) {
      next->admitted = Clock::now();
    }
    next->running = true;
    move_sequence(*next, waiting_, running_);
    ++active;
  }
}

Sequence* Scheduler::next_waiting() const {
  Sequence* next = nullptr;
  for (const auto& sequence : waiting_) {  // in order
    if (sequence->paused || sequence->cancelled) {
      continue;
    }
    if (sequence->overtaken >= kPatience) {
      return sequence.get();
    }
    next = next == nullptr ? sequence.get() : next;
  }
  return next;
}

// Takes what a sequence needs to begin: cached blocks, its media, and blocks for all tokens it has.
// Beyond that one block per running sequence must be left, or the next blocks those need would
// throw it out again. False: not now, nothing has changed.
bool Scheduler::start(Sequence& sequence) {
  const bool first_time = sequence.admitted == Clock::time_point{};
  kv_.adopt(sequence);
  const std::int64_t cached = sequence.computed;
  const std::int64_t end = std::ssize(sequence.tokens);
  const std::int64_t wanted = kv_.still_needed(sequence, end, limits_.step_tokens);
  if (wanted > kv_.blocks().available() - std::ssize(running_) || !pin_media(sequence)) {
    kv_.release(sequence);
    return false;
  }
  // Behind a window blocks come back while the prompt is read, so its chunks take them one by one.
  if (!kv_.windowed()) {
    const bool grown = kv_.grow(sequence, end);
    MONOCLE_CHECK(grown);
  }
  if (first_time) {
    sequence.cached_tokens = cached;
    counts_.prefix_query_tokens += sequence.prompt_tokens();
    counts_.prefix_hit_tokens += cached;
  }
  return true;
}

// Media that lie wholly in the cached prefix are not needed again.
bool Scheduler::pin_media(Sequence& sequence) {
  const Prompt& prompt = sequence.request.prompt;
  sequence.media.assign(prompt.media.size(), {});
  for (const MediaSpan& span : prompt.spans) {
    MediaPool::Handle& handle = sequence.media[static_cast<std::size_t>(span.item)];
    if (handle.entry >= 0 || span.offset + span.count <= sequence.computed) {
      continue;
    }
    const MediaItem& item = prompt.media[static_cast<std::size_t>(span.item)];
    const auto pinned =
        media_.acquire({item.hash_low, item.hash_high}, item.patches->grid.tokens(limits_.merge));
    if (!pinned) {
      unpin_media(sequence, sequence.prompt_tokens());
      return false;
    }
    handle = *pinned;
  }
  for (const MediaPool::Handle& handle : sequence.media) {
    ++counts_.media_queries;
    counts_.media_hits += handle.entry < 0 || media_.encoded(handle) ? 1 : 0;
  }
  return true;
}

// Media whose tokens are all computed are no longer needed.
void Scheduler::unpin_media(Sequence& sequence, std::int64_t computed) {
  for (std::size_t i = 0; i < sequence.media.size(); ++i) {
    MediaPool::Handle& handle = sequence.media[i];
    const auto needed = [&](const MediaSpan& span) {
      return span.item == static_cast<std::int32_t>(i) && span.offset + span.count > computed;
    };
    if (handle.entry >= 0 && std::ranges::none_of(sequence.request.prompt.spans, needed)) {
      media_.release(handle);
      handle.entry = -1;
    }
  }
}

}  // namespace monocle
