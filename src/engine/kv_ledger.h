// SPDX-License-Identifier: Apache-2.0
// Who holds which block of the KV cache: gives blocks to sequences as they grow, finds the prefix
// of a new one among the blocks that are already there, takes back what no later token can see.
// Accounting only; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/block_pool.h"
#include "engine/prefix_cache.h"
#include "engine/sequence.h"

namespace monocle {

struct KvPolicy {
  std::int32_t block_tokens = 16;
  std::int32_t window = 0;  // 0: every token sees all before it
  std::int32_t sinks = 0;
  bool prefix_cache = true;
  // Whether tokens of an answer may be another request's prefix. They were computed one by one, and
  // kernels that add up in another order for many queries give slightly different values.
  bool share_answers = false;
};

class KvLedger {
 public:
  KvLedger(std::int32_t blocks, const KvPolicy& policy);

  [[nodiscard]] const BlockPool& blocks() const { return blocks_; }
  [[nodiscard]] std::int64_t blocks_for(std::int64_t tokens) const {
    return (tokens + policy_.block_tokens - 1) / policy_.block_tokens;
  }
  // The most blocks a sequence holds at once on its way to `tokens`, computing `step` at a time.
  [[nodiscard]] std::int64_t peak_blocks(std::int64_t tokens, std::int64_t step) const;

  [[nodiscard]] bool windowed() const { return policy_.window > 0; }
  // Blocks that this sequence will take beyond those it has, computing [computed, end).
  [[nodiscard]] std::int64_t still_needed(const Sequence& sequence, std::int64_t end,
                                          std::int64_t step) const;

  // Describes the prompt's blocks, so that adopt() need not. Any thread.
  void describe_prompt(Sequence& sequence) const;
  // Gives an empty sequence the longest prefix that is in the cache, short of its last token, and
  // sets `computed`.
  void adopt(Sequence& sequence);
  // Blocks for tokens [0, end). False: there are not enough, nothing has changed.
  bool grow(Sequence& sequence, std::int64_t end);
  // Blocks that grow() would have to find.
  [[nodiscard]] std::int64_t missing(const Sequence& sequence, std::int64_t end) const;
  // `computed` has grown: full blocks can be found by others now, and blocks that lie behind the
  // window of every later token go back.
  void advance(Sequence& sequence);
  void release(Sequence& sequence);

  [[nodiscard]] bool consistent() const { return blocks_.consistent(); }

 private:
  [[nodiscard]] bool shares(const Sequence& sequence) const {
    return policy_.prefix_cache && sequence.request.use_prefix_cache;
  }
  [[nodiscard]] bool finds_next(const Sequence& sequence, std::int32_t block) const;
  [[nodiscard]] Hash128 describe(const Sequence& sequence, std::int64_t block) const;
  [[nodiscard]] PrefixCache::Key key(const Sequence& sequence, std::int64_t block) const;
  void record(Sequence& sequence);
  void trim(Sequence& sequence);

  KvPolicy policy_;
  std::uint64_t secret_;  // in every description, so that nobody outside can look for collisions
  BlockPool blocks_;
  PrefixCache prefixes_;
};

}  // namespace monocle
