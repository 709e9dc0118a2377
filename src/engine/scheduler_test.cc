// SPDX-License-Identifier: Apache-2.0
// The scheduler against a world of integers: the "KV cache" holds a hash of the history that each
// slot stands for, so that a wrong block, a lost block or a wrong prefix is seen at once, and each
// answer is compared with the one that the request's own history gives.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "engine/test_model.h"

namespace monocle {
namespace {

using test::picture;
using test::text;

struct Setting {
  const char* name;
  std::int32_t blocks;
  KvPolicy kv;
  SchedulerLimits limits;
  std::int64_t media_rows = 24;
};

std::uint64_t mix(std::uint64_t h, std::int64_t value) {
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
    if (std::ssize(s.tokens) == s.target) {
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
      EXPECT_EQ(slice.samples > 0,
                slice.start + slice.count == std::ssize(s.tokens) + std::ssize(s.draft));
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

// Prompts share beginnings, pictures repeat, lengths vary from one token to many blocks.
Request random_request(std::mt19937& random) {
  const auto below = [&](unsigned n) { return static_cast<std::int32_t>(random() % n); };
  const std::int32_t answer = 1 + below(30);
  Request request;
  if (below(3) == 0) {
    request = picture(below(3) * 7, static_cast<float>(below(4)), answer);
  } else {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(1 + below(below(4) == 0 ? 70 : 25)),
                                  below(3));
    ids.back() = below(50);
    request = text(std::move(ids), answer);
  }
  request.priority = below(4) == 0 ? below(3) : 0;
  request.cache_salt = below(8) == 0 ? 1 : 0;
  request.use_prefix_cache = below(10) != 0;
  return request;
}

constexpr SchedulerLimits kUsual{
    .step_tokens = 24, .sequences = 6, .context_tokens = 128, .queue = 40};
constexpr SchedulerLimits kTight{
    .step_tokens = 3, .sequences = 3, .context_tokens = 100, .queue = 10, .media_patches = 1};
constexpr SchedulerLimits kGuessing{.step_tokens = 32,
                                    .sequences = 6,
                                    .context_tokens = 128,
                                    .queue = 40,
                                    .draft_tokens = 4,
                                    .draft_rows = 10};

const Setting kSettings[] = {
    {"ample", 400, {.block_tokens = 4}, kUsual},
    {"scarce", 34, {.block_tokens = 4}, kUsual},
    {"scarce_without_prefixes", 34, {.block_tokens = 4, .prefix_cache = false}, kUsual},
    {"tight_steps", 60, {.block_tokens = 4}, kTight, 6},
    {"large_blocks", 9, {.block_tokens = 16}, kUsual},
    {"window", 40, {.block_tokens = 4, .window = 12, .sinks = 3}, kUsual},
    {"scarce_window", 14, {.block_tokens = 4, .window = 12, .sinks = 3}, kUsual},
    {"guessing", 60, {.block_tokens = 4}, kGuessing},
    {"scarce_guessing_window", 20, {.block_tokens = 4, .window = 20, .sinks = 4}, kGuessing},
};

class Simulation : public testing::TestWithParam<Setting> {};

TEST_P(Simulation, ThousandsOfRandomArrivalsCancelsAndPauses) {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    World world(GetParam());
    std::mt19937 random(seed);
    int accepted = 0;
    for (int i = 0; i < 1500; ++i) {
      for (auto arrivals = random() % 3; arrivals > 0; --arrivals) {
        accepted += world.submit(random_request(random)) != 0 ? 1 : 0;
      }
      for (auto& [id, sequence] : world.live()) {
        const auto dice = random() % 200;
        sequence->cancelled = sequence->cancelled || dice == 0;
        sequence->paused = dice < 3 ? !sequence->paused : sequence->paused && dice < 150;
      }
      world.step();
      if (HasFatalFailure() || HasNonfatalFailure()) {
        FAIL() << "seed " << seed << " step " << i;
      }
    }
    world.drain();
    EXPECT_EQ(world.finished + world.cancelled, accepted);
    EXPECT_GT(world.finished, 100);
    EXPECT_GT(world.cancelled, 10);
  }
}

std::string name_of(const testing::TestParamInfo<Setting>& setting) { return setting.param.name; }

INSTANTIATE_TEST_SUITE_P(Settings, Simulation, testing::ValuesIn(kSettings), name_of);

std::vector<std::int32_t> some_ids(std::int32_t count, std::int32_t seed) {
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < count; ++i) {
    ids.push_back((seed + i * 3) % test::kVocab);
  }
  return ids;
}

TEST(Scheduler, TheLastInOrderGivesWayAndComesBack) {
  World world({"", 12, {.block_tokens = 4, .prefix_cache = false}, kUsual});
  const RequestId first = world.submit(text(some_ids(12, 1), 30));
  const RequestId second = world.submit(text(some_ids(12, 2), 30));
  world.drain();
  EXPECT_GT(world.scheduler().counts().preemptions, 0);
  EXPECT_EQ(world.order_of_end, (std::vector<RequestId>{first, second}));
}

TEST(Scheduler, APreemptedSequenceFindsItsOwnBlocksAgain) {
  World world({"", 14, {.block_tokens = 4}, kUsual});
  world.submit(text(some_ids(12, 1), 30));
  world.submit(text(some_ids(12, 2), 30));
  world.drain();
  EXPECT_GT(world.scheduler().counts().preemptions, 0);
}

TEST(Scheduler, APausedSequenceGivesWayFirst) {
  World world({"", 12, {.block_tokens = 4}, kUsual});
  const RequestId paused = world.submit(text(some_ids(20, 1), 25));
  world.step();
  world.live()[paused]->paused = true;
  const RequestId next = world.submit(text(some_ids(20, 2), 25));
  while (world.live().contains(next)) {
    world.step();
  }
  EXPECT_EQ(world.scheduler().counts().preemptions, 1);
  world.drain();
  EXPECT_EQ(world.finished, 2);
}

TEST(Scheduler, PausedSequencesDoNotTakeThePlacesOfOthers) {
  World world(
      {"", 100, {.block_tokens = 4}, {.step_tokens = 8, .sequences = 2, .context_tokens = 64}});
  std::vector<RequestId> paused;
  for (int i = 0; i < 2; ++i) {
    paused.push_back(world.submit(text(some_ids(5, i), 20)));
  }
  world.step();
  for (const RequestId id : paused) {
    world.live()[id]->paused = true;
  }
  const RequestId third = world.submit(text(some_ids(5, 9), 20));
  for (int i = 0; i < 40; ++i) {
    world.step();
  }
  EXPECT_FALSE(world.live().contains(third));
  world.drain();
}

TEST(Scheduler, SmallerPriorityRunsFirstThenOrderOfArrival) {
  World world(
      {"", 100, {.block_tokens = 4}, {.step_tokens = 64, .sequences = 1, .context_tokens = 64}});
  std::vector<RequestId> ids;
  for (const std::int32_t priority : {5, 1, 5, 1}) {
    Request request = text({1, 2, priority}, 3);
    request.priority = priority;
    ids.push_back(world.submit(std::move(request)));
  }
  world.drain();
  EXPECT_EQ(world.order_of_end, (std::vector<RequestId>{ids[1], ids[3], ids[0], ids[2]}));
}

TEST(Scheduler, AnUnimportantRequestIsNotOvertakenForEver) {
  World world(
      {"", 100, {.block_tokens = 4}, {.step_tokens = 64, .sequences = 1, .context_tokens = 64}});
  world.submit(text({1}, 2));
  world.step();
  Request low = text({1, 2, 3}, 2);
  low.priority = 9;
  const RequestId id = world.submit(std::move(low));
  int steps = 0;
  for (; world.live().contains(id) && steps < 1000; ++steps) {
    if (world.scheduler().waiting() < 3) {
      world.submit(text({1, 2}, 2));  // important ones never cease to come
    }
    world.step();
  }
  EXPECT_LT(steps, 200);
  world.drain();
}

TEST(Scheduler, AShortPromptDoesNotWaitForALongOne) {
  World world(
      {"", 100, {.block_tokens = 4}, {.step_tokens = 16, .sequences = 4, .context_tokens = 256}});
  const RequestId document = world.submit(text(some_ids(200, 1), 5));
  const RequestId question = world.submit(text(some_ids(4, 2), 1));
  world.step();
  EXPECT_FALSE(world.live().contains(question));
  EXPECT_TRUE(world.live().contains(document));
  EXPECT_EQ(world.last_plan().slices.front().count, 12) << "what the other cannot use is used";
  world.drain();
}

TEST(Scheduler, AStepEncodesOneLargePictureAtATime) {
  World world({"",
               200,
               {.block_tokens = 4},
               {.step_tokens = 200, .sequences = 4, .context_tokens = 256, .media_patches = 30}});
  for (int i = 0; i < 3; ++i) {
    world.submit(picture(3, static_cast<float>(i), 2));  // 24 patches each
  }
  for (int i = 0; i < 3; ++i) {
    world.step();
    EXPECT_EQ(world.last_plan().media.size(), 1U);
  }
  world.drain();
  EXPECT_EQ(world.finished, 3);
}

TEST(Scheduler, MediaInTheCachedPrefixAreNotNeededAgain) {
  World world({"", 100, {.block_tokens = 4}, kUsual, 6});
  const auto ask = [&](std::int32_t last) {
    Request request = picture(2, 1.0F, 2, 2);  // the picture ends with token 7, as does a block
    request.prompt.token_ids.back() = last;
    return world.submit(std::move(request));
  };
  ask(7);
  world.drain();
  ask(8);
  world.step();
  EXPECT_TRUE(world.last_plan().media.empty());
  EXPECT_EQ(world.scheduler().counts().prefix_hit_tokens, 8);
  EXPECT_EQ(world.scheduler().counts().media_hits, 1);
  world.drain();
}

TEST(Scheduler, MemoryStaysFlatPastTheWindow) {
  World world({"",
               300,
               {.block_tokens = 4, .window = 16, .sinks = 4},
               {.step_tokens = 16, .sequences = 1, .context_tokens = 1000}});
  world.submit(text(some_ids(100, 1), 800));
  world.drain();
  EXPECT_EQ(world.finished, 1);
  EXPECT_LE(world.most_used, world.ledger().peak_blocks(900, 16));
  EXPECT_LE(world.ledger().peak_blocks(900, 16), 10);
}

TEST(Scheduler, AWindowLetsRequestsRunThatAreLargerThanTheCache) {
  World world({"",
               12,
               {.block_tokens = 4, .window = 16, .sinks = 4},
               {.step_tokens = 8, .sequences = 1, .context_tokens = 1000}});
  EXPECT_NE(world.submit(text(some_ids(300, 1), 300)), 0U);
  world.drain();
  EXPECT_EQ(world.finished, 1);
  World full(
      {"", 12, {.block_tokens = 4}, {.step_tokens = 8, .sequences = 1, .context_tokens = 1000}});
  EXPECT_EQ(full.submit(text(some_ids(300, 1), 300)), 0U);
}

}  // namespace
}  // namespace monocle
