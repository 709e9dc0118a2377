// SPDX-License-Identifier: Apache-2.0
#include "engine/kv_ledger.h"

#include <algorithm>
#include <random>
#include <span>

#include "base/check.h"

namespace monocle {
namespace {

std::uint64_t random_secret() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

KvLedger::KvLedger(std::int32_t blocks, const KvPolicy& policy)
    : policy_(policy),
      secret_(random_secret()),
      blocks_(blocks),
      prefixes_(blocks, policy.block_tokens) {}

std::int64_t KvLedger::peak_blocks(std::int64_t tokens, std::int64_t step) const {
  const std::int64_t all = blocks_for(tokens);
  if (policy_.window == 0) {
    return all;
  }
  // The window and the step's own tokens may begin in the middle of a block.
  return std::min(all, blocks_for(policy_.sinks) + blocks_for(policy_.window + step) + 1);
}

std::int64_t KvLedger::still_needed(const Sequence& sequence, std::int64_t end,
                                    std::int64_t step) const {
  const auto& table = sequence.kv.table;
  const std::int64_t held = std::ssize(table) - std::ranges::count(table, -1);
  return std::max<std::int64_t>(0, peak_blocks(end, step) - held);
}

void KvLedger::describe_prompt(Sequence& sequence) const {
  const std::int64_t full = sequence.prompt_tokens() / policy_.block_tokens;
  for (std::int64_t block = 0; shares(sequence) && block < full; ++block) {
    sequence.kv.content.push_back(describe(sequence, block));
  }
}

Hash128 KvLedger::describe(const Sequence& sequence, std::int64_t block) const {
  // Reused by every call of a thread; submitters and the engine both come here.
  thread_local std::vector<std::uint64_t> words;
  const Prompt& prompt = sequence.request.prompt;
  const std::int64_t n = sequence.prompt_tokens();
  const std::int64_t begin = block * policy_.block_tokens;
  const std::int64_t end = begin + policy_.block_tokens;
  const bool own = end > n && !policy_.share_answers;  // only for the sequence itself, preempted
  words.assign({secret_, own ? sequence.id : 0});
  for (std::int64_t p = begin; p < end; ++p) {
    words.push_back(static_cast<std::uint32_t>(sequence.tokens[static_cast<std::size_t>(p)]));
    for (std::int64_t axis = 0; axis < 3; ++axis) {
      const std::int64_t position = p < n ? prompt.positions[static_cast<std::size_t>(axis * n + p)]
                                          : p + prompt.position_delta;
      words.push_back(static_cast<std::uint64_t>(position));
    }
  }
  for (const MediaSpan& span : prompt.spans) {
    const std::int64_t first = std::max(span.offset, begin);
    const std::int64_t last = std::min(span.offset + span.count, end);
    if (first < last) {
      const MediaItem& item = prompt.media[static_cast<std::size_t>(span.item)];
      words.insert(words.end(),
                   {item.hash_low, item.hash_high, static_cast<std::uint64_t>(first - begin),
                    static_cast<std::uint64_t>(last - first),
                    static_cast<std::uint64_t>(span.first_row + first - span.offset)});
    }
  }
  return hash128(std::as_bytes(std::span(words)));
}

PrefixCache::Key KvLedger::key(const Sequence& sequence, std::int64_t block) const {
  const auto size = static_cast<std::size_t>(policy_.block_tokens);
  const auto index = static_cast<std::size_t>(block);
  return {sequence.kv.place, sequence.kv.content[index],
          std::span(sequence.tokens).subspan(index * size, size)};
}

void KvLedger::adopt(Sequence& sequence) {
  SequenceBlocks& kv = sequence.kv;
  MONOCLE_CHECK(kv.table.empty() && sequence.computed == 0);
  kv.place = {sequence.request.cache_salt, true};
  kv.recorded = 0;
  kv.passed = 0;
  if (!shares(sequence)) {
    return;
  }
  // At least one token has to run: its logits are what the step is for.
  const std::int64_t most =
      std::min((std::ssize(sequence.tokens) - 1) / policy_.block_tokens, std::ssize(kv.content));
  while (kv.recorded < most) {
    const std::int32_t block = prefixes_.find(key(sequence, kv.recorded));
    if (block < 0) {
      break;
    }
    // The last token of a prompt is not left alone: it would go through another kernel than it does
    // without the cache.
    const std::int64_t covered = (kv.recorded + 1) * policy_.block_tokens;
    if (covered == sequence.prompt_tokens() - 1 && !finds_next(sequence, block)) {
      break;
    }
    blocks_.retain(block);
    kv.table.push_back(block);
    kv.place = prefixes_.place_of(block);
    ++kv.recorded;
  }
  sequence.computed = kv.recorded * policy_.block_tokens;
  trim(sequence);
}

// Whether the block behind `block`, which is next in the sequence, can be adopted too.
bool KvLedger::finds_next(const Sequence& sequence, std::int32_t block) const {
  const std::int64_t next = sequence.kv.recorded + 1;
  if (next >= std::min((std::ssize(sequence.tokens) - 1) / policy_.block_tokens,
                       std::ssize(sequence.kv.content))) {
    return false;
  }
  PrefixCache::Key behind = key(sequence, next);
  behind.parent = prefixes_.place_of(block);
  return prefixes_.find(behind) >= 0;
}

std::int64_t KvLedger::missing(const Sequence& sequence, std::int64_t end) const {
  return std::max<std::int64_t>(0, blocks_for(end) - std::ssize(sequence.kv.table));
}

bool KvLedger::grow(Sequence& sequence, std::int64_t end) {
  const std::int64_t count = missing(sequence, end);
  if (count > blocks_.available()) {
    return false;
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t block = blocks_.acquire();
    prefixes_.forget(block);
    sequence.kv.table.push_back(block);
  }
  return true;
}

void KvLedger::advance(Sequence& sequence) {
  if (shares(sequence)) {
    record(sequence);
  }
  trim(sequence);
}

// Another sequence may have entered the same content first: then this one goes on behind that entry
// and keeps its own block to itself.
void KvLedger::record(Sequence& sequence) {
  SequenceBlocks& kv = sequence.kv;
  for (; (kv.recorded + 1) * policy_.block_tokens <= sequence.computed; ++kv.recorded) {
    if (kv.recorded == std::ssize(kv.content)) {
      kv.content.push_back(describe(sequence, kv.recorded));
    }
    std::int32_t block = kv.table[static_cast<std::size_t>(kv.recorded)];
    const PrefixCache::Key entry = key(sequence, kv.recorded);
    if (prefixes_.insert(entry, block)) {
      blocks_.mark(block);
    } else {
      block = prefixes_.find(entry);
    }
    kv.place = prefixes_.place_of(block);
  }
}

// The next query is token `computed`; it sees key p iff p > computed - window or p < sinks.
void KvLedger::trim(Sequence& sequence) {
  if (policy_.window == 0) {
    return;
  }
  SequenceBlocks& kv = sequence.kv;
  kv.passed = std::max(kv.passed, blocks_for(policy_.sinks));
  for (; (kv.passed + 1) * policy_.block_tokens <= sequence.computed - policy_.window + 1;
       ++kv.passed) {
    std::int32_t& block = kv.table[static_cast<std::size_t>(kv.passed)];
    blocks_.release(block);
    block = -1;
  }
}

void KvLedger::release(Sequence& sequence) {
  SequenceBlocks& kv = sequence.kv;
  // The end of a chain first: it is found through its beginning, so it must not outlive that.
  for (auto block = kv.table.rbegin(); block != kv.table.rend(); ++block) {
    if (*block >= 0) {
      blocks_.release(*block);
    }
  }
  kv.table.clear();
  sequence.computed = 0;
}

}  // namespace monocle
