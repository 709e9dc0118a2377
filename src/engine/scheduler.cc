// SPDX-License-Identifier: Apache-2.0
#include "engine/scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace monocle {

Status Scheduler::check(Sequence& sequence) const {
  const std::int64_t prompt = sequence.prompt_tokens();
  if (prompt >= limits_.context_tokens) {
    return fail(ErrorCode::kTooLarge,
                "this model's maximum context length is {} tokens; the prompt has {} and needs "
                "room for an answer",
                limits_.context_tokens, prompt);
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
  sequence.target = std::min(limits_.context_tokens, prompt + sequence.request.max_tokens);
  if (blocks_for(sequence.target) > blocks_.total()) {
    return fail(ErrorCode::kTooLarge,
                "the request needs {} KV blocks of {} tokens; the cache has {}",
                blocks_for(sequence.target), limits_.block_tokens, blocks_.total());
  }
  return {};
}

Status Scheduler::submit(std::unique_ptr<Sequence> sequence) {
  const std::size_t live = waiting_.size() + running_.size();
  if (static_cast<std::int64_t>(live) >= std::int64_t{limits_.queue} + limits_.sequences) {
    return fail(ErrorCode::kQueueFull, "the queue is full: {} requests are running or waiting",
                live);
  }
  waiting_.push_back(std::move(sequence));
  return {};
}

void Scheduler::plan(StepPlan& plan) {
  plan.media.clear();
  plan.slices.clear();
  admit();
  std::int64_t budget = limits_.step_tokens;
  for (const auto& sequence : running_) {
    if (budget > 0 && sequence->decoding() && sequence->runnable()) {
      add_slice(*sequence, 1, plan);
      --budget;
    }
  }
  for (const auto& sequence : running_) {
    if (budget > 0 && !sequence->decoding() && sequence->runnable()) {
      add_slice(*sequence, budget, plan);
      budget -= plan.slices.back().count;
    }
  }
}

void Scheduler::add_slice(Sequence& sequence, std::int64_t budget, StepPlan& plan) {
  const std::int64_t count = std::min(sequence.pending(), budget);
  MONOCLE_CHECK(count > 0);
  const std::int64_t end = sequence.computed + count;
  plan.slices.push_back({&sequence, sequence.computed, count, end == std::ssize(sequence.tokens)});
  std::int32_t last_item = -1;
  for (const MediaSpan& span : sequence.request.prompt.spans) {
    const bool touched = span.offset < end && span.offset + span.count > sequence.computed;
    if (touched && span.item != last_item &&
        !media_.encoded(sequence.media[static_cast<std::size_t>(span.item)])) {
      plan.media.push_back({&sequence, span.item});
      last_item = span.item;
    }
  }
}

void Scheduler::admit() {
  while (!waiting_.empty() && std::ssize(running_) < limits_.sequences) {
    if (!waiting_.front()->cancelled && !reserve(*waiting_.front())) {
      return;  // in order of arrival: a small request does not overtake a large one for ever
    }
    waiting_.front()->admitted = Clock::now();
    running_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Scheduler::reserve(Sequence& sequence) {
  const std::int64_t needed = blocks_for(sequence.target);
  if (needed > blocks_.free_count()) {
    return false;
  }
  for (const MediaItem& item : sequence.request.prompt.media) {
    const auto handle =
        media_.acquire({item.hash_low, item.hash_high}, item.patches->grid.tokens(limits_.merge));
    if (!handle) {
      for (const MediaPool::Handle& taken : sequence.media) {
        media_.release(taken);
      }
      sequence.media.clear();
      return false;
    }
    sequence.media.push_back(*handle);
  }
  for (std::int64_t i = 0; i < needed; ++i) {
    sequence.blocks.push_back(blocks_.acquire());
  }
  return true;
}

std::unique_ptr<Sequence> Scheduler::remove(Sequence* sequence) {
  blocks_.release(sequence->blocks);
  sequence->blocks.clear();
  for (const MediaPool::Handle& handle : sequence->media) {
    media_.release(handle);
  }
  sequence->media.clear();
  const auto is_it = [&](const auto& owned) { return owned.get() == sequence; };
  std::unique_ptr<Sequence> out;
  if (const auto it = std::ranges::find_if(running_, is_it); it != running_.end()) {
    out = std::move(*it);
    running_.erase(it);
  } else if (const auto queued = std::ranges::find_if(waiting_, is_it); queued != waiting_.end()) {
    out = std::move(*queued);
    waiting_.erase(queued);
  }
  MONOCLE_CHECK(out != nullptr);
  return out;
}

Sequence* Scheduler::find(RequestId id) const {
  const auto has_id = [&](const auto& sequence) { return sequence->id == id; };
  if (const auto it = std::ranges::find_if(running_, has_id); it != running_.end()) {
    return it->get();
  }
  const auto it = std::ranges::find_if(waiting_, has_id);
  return it == waiting_.end() ? nullptr : it->get();
}

void Scheduler::for_each(FunctionRef<void(Sequence&)> visit) const {
  for (const auto& sequence : waiting_) {
    visit(*sequence);
  }
  for (const auto& sequence : running_) {
    visit(*sequence);
  }
}

void Scheduler::collect_cancelled(std::vector<Sequence*>& out) const {
  for_each([&](Sequence& sequence) {
    if (sequence.cancelled) {
      out.push_back(&sequence);
    }
  });
}

}  // namespace monocle
