// SPDX-License-Identifier: Apache-2.0
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include <random>

#include "engine/test_model.h"
#include "engine/test_world.h"

namespace monocle {
namespace {

using test::picture;
using test::Setting;
using test::text;
using test::World;

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
  request.embed = below(8) == 0;
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
