// SPDX-License-Identifier: Apache-2.0
// The scheduler against a world of integers: the "KV cache" holds a hash of the history that each
// slot stands for, so that a wrong block, a lost block or a wrong prefix is seen at once, and each
// answer is compared with the one that the request's own history gives.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/scheduler.h"

namespace monocle::test {

struct Setting {
  const char* name;
  std::int32_t blocks;
  KvPolicy kv;
  SchedulerLimits limits;
  std::int64_t media_rows = 24;
};

inline std::uint64_t mix(std::uint64_t h, std::int64_t value) {
  h = (h ^ static_cast<std::uint64_t>(value)) * 0x9E3779B97F4A7C15U;
  return h ^ (h >> 29);
}

class World {
 public:
  explicit World(const Setting& setting)
      : setting_(setting),
        ledger_(setting.blocks, setting.kv),
        media_(setting.media_rows),
        scheduler_(setting.limits, ledger_, media_),
        cells_(static_cast<std::size_t>(setting.blocks) *
               static_cast<std::size_t>(setting.kv.block_tokens)) {}

  // 0: refused.
  RequestId submit(Request request) {
    auto sequence = std::make_unique<Sequence>();
    sequence->id = next_id_;
    sequence->tokens = request.prompt.token_ids;
    sequence->request = std::move(request);
    if (!scheduler_.check(*sequence)) {
      return 0;
    }
    ledger_.describe_prompt(*sequence);
    live_[next_id_] = sequence.get();
    if (!scheduler_.submit(std::move(sequence))) {
      live_.erase(next_id_);
      return 0;
    }
    return next_id_++;
  }

  void step() {
    finish_cancelled();
    scheduler_.plan(plan_);
    check_plan();
    for (const MediaJob& job : plan_.media) {
      media_.mark_encoded(job.sequence->media[static_cast<std::size_t>(job.item)]);
    }
    for (const Slice& slice : plan_.slices) {
      compute(slice);
    }
    check_memory();
    ++steps;
  }

  void drain() {
    for (auto& [id, sequence] : live_) {
      sequence->paused = false;
    }
    for (int guard = 0; guard < 100000 && !live_.empty(); ++guard) {
      step();
    }
    EXPECT_TRUE(live_.empty());
    EXPECT_EQ(scheduler_.waiting() + scheduler_.running(), 0U);
    EXPECT_EQ(ledger_.blocks().used_count(), 0);
    EXPECT_EQ(media_.pinned_rows(), 0);
  }

  std::map<RequestId, Sequence*>& live() { return live_; }
  const Scheduler& scheduler() const { return scheduler_; }
  const KvLedger& ledger() const { return ledger_; }
  const StepPlan& last_plan() const { return plan_; }

  int steps = 0;
  int finished = 0;
  int cancelled = 0;
  std::int64_t accepted_guesses = 0;
  std::int64_t most_used = 0;
  std::vector<RequestId> order_of_end;

 private:
  std::int64_t position(const Sequence& s, std::int64_t axis, std::int64_t p) const {
    const std::int64_t n = s.prompt_tokens();
    return p < n ? s.request.prompt.positions[static_cast<std::size_t>(axis * n + p)]
                 : p + s.request.prompt.position_delta;
  }
  static std::int32_t token_at(const Sequence& s, std::int64_t p) {
    const auto index = static_cast<std::size_t>(p);
    return index < s.tokens.size() ? s.tokens[index] : s.draft[index - s.tokens.size()];
  }
  // What the keys and values of each token depend on.
  std::vector<std::uint64_t> history(const Sequence& s, std::int64_t end) const {
    std::vector<std::uint64_t> out;
    std::uint64_t h = 1;
    for (std::int64_t p = 0; p < end; ++p) {
      h = mix(h, token_at(s, p));
      h = mix(h, position(s, 0, p) * 3 + position(s, 2, p));
      for (const MediaSpan& span : s.request.prompt.spans) {
        if (p >= span.offset && p < span.offset + span.count) {
          const MediaItem& item = s.request.prompt.media[static_cast<std::size_t>(span.item)];
          h = mix(h, static_cast<std::int64_t>(item.hash_low) * 64 + p - span.offset);
        }
      }
      out.push_back(h);
    }
    return out;
  }
  static std::int32_t answer(std::uint64_t h) { return static_cast<std::int32_t>(h % 5); }

  std::uint64_t& cell(const Sequence& s, std::int64_t p) {
    const std::int64_t size = setting_.kv.block_tokens;
    const std::int32_t block = s.kv.table[static_cast<std::size_t>(p / size)];
    EXPECT_GE(block, 0);
    return cells_[static_cast<std::size_t>(block * size + p % size)];
  }

  void compute(const Slice& slice) {
    Sequence& s = *slice.sequence;
    const std::int64_t end = slice.start + slice.count;
    const std::vector<std::uint64_t> known = history(s, end);
    for (std::int64_t p = 0; p < slice.start; ++p) {
      if (setting_.kv.window == 0 || p > slice.start - setting_.kv.window ||
          p < setting_.kv.sinks) {
        ASSERT_EQ(cell(s, p), known[static_cast<std::size_t>(p)]) << "token " << p;
      }
    }
    for (std::int64_t p = slice.start; p < end; ++p) {
      cell(s, p) = known[static_cast<std::size_t>(p)];
    }
    if (slice.embeds) {
      s.computed = end;
      scheduler_.advance(s);
      ++finished;
      finish(&s);
      return;
    }
    const std::vector<std::int32_t> guesses = s.draft;
    std::int64_t right = 0;
    bool last = false;
    for (std::int64_t row = 0; row < slice.samples && !last; ++row) {
      const auto at = static_cast<std::size_t>(end - slice.samples + row);
      s.tokens.push_back(answer(known[at]));
      last = std::ssize(s.tokens) == s.target || row + 1 == slice.samples ||
             s.tokens.back() != guesses[static_cast<std::size_t>(row)];
      right += last ? 0 : 1;
    }
    accepted_guesses += right;
    s.draft.clear();
    s.computed = end - (std::ssize(guesses) - right);
    scheduler_.advance(s);
    if (!s.request.embed && std::ssize(s.tokens) == s.target) {
      ++finished;
      finish(&s);
    }
  }

  void finish(Sequence* sequence) {
    const auto owned = scheduler_.remove(sequence);
    EXPECT_EQ(live_.erase(owned->id), 1U);
    order_of_end.push_back(owned->id);
    const std::vector<std::uint64_t> all = history(*owned, std::ssize(owned->tokens));
    for (std::int64_t p = owned->prompt_tokens(); p < std::ssize(owned->tokens); ++p) {
      const auto index = static_cast<std::size_t>(p);
      ASSERT_EQ(owned->tokens[index], answer(all[index - 1]));
    }
  }

  void finish_cancelled() {
    std::vector<Sequence*> gone;
    scheduler_.for_each([&](Sequence& s) {
      if (s.cancelled) {
        gone.push_back(&s);
      }
    });
    for (Sequence* sequence : gone) {
      ++cancelled;
      finish(sequence);
    }
  }

  void check_plan() {
    std::int64_t tokens = 0;
    std::int64_t samples = 0;
    std::set<const Sequence*> once;
    bool decode = true;
    for (const Slice& slice : plan_.slices) {
      const Sequence& s = *slice.sequence;
      EXPECT_TRUE(once.insert(&s).second);
      EXPECT_TRUE(s.runnable());
      EXPECT_GT(slice.count, 0);
      EXPECT_EQ(slice.start, s.computed);
      EXPECT_LE(slice.start + slice.count, s.target);
      EXPECT_EQ(slice.samples > 0 || slice.embeds,
                slice.start + slice.count == std::ssize(s.tokens) + std::ssize(s.draft));
      EXPECT_TRUE(s.request.embed ? slice.samples == 0 : !slice.embeds);
      EXPECT_TRUE(decode || !s.answering()) << "decode rows come first";
      decode = s.answering();
      // How a prompt is cut must not show: no token of it goes alone, each of the answer does.
      const bool exact = setting_.limits.step_tokens >= setting_.limits.sequences + 2;
      EXPECT_TRUE(!exact || s.answering() || slice.count > 1 || s.prompt_tokens() == 1);
      EXPECT_TRUE(s.answering() || slice.start + slice.count <= s.prompt_tokens());
      EXPECT_TRUE(!s.answering() || slice.count == 1 + std::ssize(s.draft));
      tokens += slice.count;
      samples += slice.samples;
    }
    EXPECT_LE(tokens, setting_.limits.step_tokens);
    EXPECT_LE(std::ssize(plan_.slices), setting_.limits.sequences);
    EXPECT_LE(samples, setting_.limits.sequences + setting_.limits.draft_rows);
    bool someone = false;
    for (const auto& [id, sequence] : live_) {
      someone = someone || !sequence->paused;
    }
    EXPECT_TRUE(!someone || !plan_.empty()) << "somebody could go on";
  }

  void check_memory() {
    EXPECT_TRUE(ledger_.consistent());
    const BlockPool& blocks = ledger_.blocks();
    EXPECT_EQ(blocks.free_count() + blocks.cached_count() + blocks.used_count(), blocks.total());
    std::set<std::int32_t> used;
    std::int64_t rows = 0;
    std::set<std::int32_t> media;
    scheduler_.for_each([&](const Sequence& s) {
      EXPECT_TRUE(s.running || s.kv.table.empty()) << "who waits holds nothing";
      used.insert(s.kv.table.begin(), s.kv.table.end());
      for (const MediaPool::Handle& handle : s.media) {
        EXPECT_TRUE(s.running || handle.entry < 0);
        rows += handle.entry >= 0 && media.insert(handle.entry).second ? 6 : 0;
      }
    });
    used.erase(-1);
    EXPECT_EQ(std::ssize(used), blocks.used_count());
    EXPECT_EQ(rows, media_.pinned_rows());
    most_used = std::max<std::int64_t>(most_used, blocks.used_count());
  }

  Setting setting_;
  KvLedger ledger_;
  MediaPool media_;
  Scheduler scheduler_;
  std::vector<std::uint64_t> cells_;
  StepPlan plan_;
  std::map<RequestId, Sequence*> live_;
  RequestId next_id_ = 1;
};

}  // namespace monocle::test
