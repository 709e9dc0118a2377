// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <thread>

#include "engine/test_loop.h"
#include "engine/test_model.h"
#include "ops/reference/reference_backend.h"

namespace monocle {
namespace {

using test::BreakingModel;
using test::endless;
using test::FakeModel;
using test::picture;
using test::Reader;
using test::text;

std::vector<std::int32_t> long_prompt(std::int32_t tail) {
  std::vector<std::int32_t> ids(100);
  std::iota(ids.begin(), ids.end() - 10, 4);
  std::fill(ids.end() - 10, ids.end(), tail);
  for (std::int32_t& id : ids) {
    id %= test::kVocab;
  }
  return ids;
}

class EnginePoolTest : public testing::Test {
 protected:
  // One engine per model, each on a backend of its own.
  std::unique_ptr<EnginePool> open(std::vector<Model*> models, EngineLimits limits) {
    limits.kv = DType::kF32;
    limits.patches = 64;
    std::vector<EnginePool::Member> members;
    for (Model* model : models) {
      backends_.push_back(std::make_unique<ReferenceBackend>());
      auto engine = Engine::create(*model, *backends_.back(), limits);
      EXPECT_TRUE(engine.has_value()) << engine.error().message;
      members.push_back({"double:" + std::to_string(members.size()), std::move(*engine)});
    }
    return std::make_unique<EnginePool>(std::move(members));
  }
  static RequestId must_submit(EnginePool& pool, Request request, Reader& reader) {
    const auto id = pool.submit(std::move(request), reader.handler());
    EXPECT_TRUE(id.has_value()) << id.error().message;
    return id.value_or(0);
  }
  static std::int64_t busy(const EnginePool& pool, std::size_t device) {
    const EngineStats stats = pool.devices()[device].stats;
    return stats.running + stats.waiting;
  }

  std::vector<std::unique_ptr<Backend>> backends_;
  FakeModel first_;
  FakeModel second_;
};

TEST(ChooseEngine, TheLongestPrefixWinsUnlessItsEngineIsBehind) {
  const auto choose = [](std::vector<EngineLoad> loads, std::uint64_t turn = 0) {
    return choose_engine(loads, turn);
  };
  EXPECT_EQ(choose({{true, 0, 0}, {true, 3, 64}}), 1);
  EXPECT_EQ(choose({{true, 0, 0}, {true, 5, 64}}), 0) << "five behind nothing is too long a wait";
  EXPECT_EQ(choose({{true, 100, 0}, {true, 120, 64}}), 1) << "a fifth more is not";
  EXPECT_EQ(choose({{true, 2, 0}, {true, 1, 0}}), 1) << "else the least busy one";
  EXPECT_EQ(choose({{true, 1, 0}, {true, 1, 0}}, 0), 0);
  EXPECT_EQ(choose({{true, 1, 0}, {true, 1, 0}}, 1), 1) << "equal ones take turns";
  EXPECT_EQ(choose({{false, 0, 64}, {true, 9, 0}}), 1);
  EXPECT_EQ(choose({{false, 0, 0}, {false, 0, 0}}), -1);
}

TEST_F(EnginePoolTest, AnswersAsOneEngineDoes) {
  const EngineLimits limits{.sequences = 4, .context_tokens = 256};
  const auto one = open({&first_}, limits);
  std::vector<int> tokens;
  for (std::int32_t i = 0; i < 8; ++i) {
    Reader reader;
    must_submit(*one, i % 2 == 0 ? text({1, 2, i}, 40) : picture(i, 1.0F, 40), reader);
    reader.wait();
    tokens.push_back(reader.tokens());
  }
  FakeModel third;
  const auto two = open({&second_, &third}, limits);
  std::vector<Reader> readers(8);
  for (std::int32_t i = 0; i < 8; ++i) {
    must_submit(*two, i % 2 == 0 ? text({1, 2, i}, 40) : picture(i, 1.0F, 40),
                readers[static_cast<std::size_t>(i)]);
  }
  for (std::size_t i = 0; i < 8; ++i) {
    readers[i].wait();
    EXPECT_EQ(readers[i].tokens(), tokens[i]) << i;
  }
  EXPECT_GT(second_.tokens_run, 0);
  EXPECT_GT(third.tokens_run, 0);
}

TEST_F(EnginePoolTest, SharesRequestsEquallyAndAddsUpTheStats) {
  const auto pool = open({&first_, &second_}, {.sequences = 4, .context_tokens = 4096});
  std::vector<Reader> readers(6);
  std::vector<RequestId> ids;
  for (Reader& reader : readers) {
    ids.push_back(must_submit(*pool, endless(), reader));
  }
  EXPECT_EQ(busy(*pool, 0), 3);
  EXPECT_EQ(busy(*pool, 1), 3);
  const EngineStats sum = pool->stats();
  EXPECT_EQ(sum.running + sum.waiting, 6);
  EXPECT_EQ(sum.kv_blocks_total, pool->devices()[0].stats.kv_blocks_total * 2);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    pool->cancel(ids[i]);
    const FinishReason end = readers[i].wait().finish;
    EXPECT_TRUE(end == FinishReason::kCancelled || end == FinishReason::kLength);
  }
}

TEST_F(EnginePoolTest, AFollowUpGoesWhereItsPrefixIs) {
  const auto pool = open({&first_, &second_}, {.sequences = 4, .context_tokens = 512});
  for (std::int32_t tail = 1; tail <= 4; ++tail) {
    Reader reader;
    must_submit(*pool, text(long_prompt(tail), 3), reader);
    const TokenEvent last = reader.wait();
    EXPECT_EQ(last.usage.cached_tokens > 0, tail > 1);
  }
  EXPECT_TRUE(first_.tokens_run == 0 || second_.tokens_run == 0);
}

TEST_F(EnginePoolTest, RequestsWithoutAnAnswerMoveWhenADeviceFails) {
  std::promise<void> open_gate;
  BreakingModel breaks(0, open_gate.get_future().share());
  const auto pool = open({&breaks, &second_}, {.sequences = 2, .context_tokens = 256});
  std::vector<Reader> readers(8);
  std::vector<RequestId> ids;
  for (std::int32_t i = 0; i < 8; ++i) {
    ids.push_back(must_submit(*pool, picture(i, 1.0F, 20), readers[static_cast<std::size_t>(i)]));
  }
  const std::int64_t stuck = busy(*pool, 0);
  EXPECT_GE(stuck, 4);
  open_gate.set_value();
  for (std::size_t i = 0; i < 8; ++i) {
    const TokenEvent last = readers[i].wait();
    EXPECT_TRUE(last.finish == FinishReason::kLength || last.finish == FinishReason::kStop)
        << last.error;
    EXPECT_EQ(last.request, ids[i]) << "a request keeps its name when it moves";
    EXPECT_EQ(last.usage.completion_tokens, readers[i].tokens());
  }
  EXPECT_EQ(pool->moved(), stuck);
  EXPECT_TRUE(pool->stats().healthy);
  const std::vector<EnginePool::DeviceStats> devices = pool->devices();
  EXPECT_EQ(devices[0].failure, "the device is lost");
  EXPECT_FALSE(devices[0].stats.healthy);
  EXPECT_EQ(devices[0].stats.running + devices[0].stats.waiting, 0);
  EXPECT_EQ(devices[1].failure, "");
  Reader later;
  must_submit(*pool, text({1, 2, 3}, 5), later);
  EXPECT_EQ(later.wait().error, "");
}

TEST_F(EnginePoolTest, BegunAnswersEndWithTheErrorOfTheirDevice) {
  BreakingModel breaks(50);
  const auto pool = open({&breaks, &second_}, {.sequences = 1, .context_tokens = 4096});
  std::vector<Reader> readers(2);
  std::vector<RequestId> ids;
  for (Reader& reader : readers) {
    ids.push_back(must_submit(*pool, endless(), reader));
  }
  const TokenEvent last = readers[0].wait();
  EXPECT_EQ(last.finish, FinishReason::kError);
  EXPECT_EQ(last.error, "the device is lost");
  EXPECT_EQ(readers[0].tokens(), 50);
  readers[1].wait_for_tokens(60);
  pool->cancel(ids[1]);
  EXPECT_EQ(readers[1].wait().error, "");
}

TEST_F(EnginePoolTest, WhenEveryDeviceHasFailedNothingIsTakenAnyMore) {
  BreakingModel one(3);
  BreakingModel two(3);
  const auto pool = open({&one, &two}, {.sequences = 2, .context_tokens = 256});
  std::vector<Reader> readers(8);
  for (Reader& reader : readers) {
    if (!pool->submit(endless(), reader.handler())) {
      TokenEvent refused;
      refused.finish = FinishReason::kError;
      reader.handler()(std::move(refused));
    }
  }
  for (Reader& reader : readers) {
    EXPECT_EQ(reader.wait().finish, FinishReason::kError);
  }
  EXPECT_FALSE(pool->stats().healthy);
  const auto refused = pool->submit(endless(), [](TokenEvent&&) { ADD_FAILURE(); });
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(refused.error().message.find("the device is lost"), std::string::npos);
}

// A cancel may come before, while and after its request moves: it is never lost.
TEST_F(EnginePoolTest, CancelsReachRequestsThatMove) {
  for (int round = 0; round < 20; ++round) {
    std::promise<void> open_gate;
    std::promise<void> open_other;
    BreakingModel breaks(0, open_gate.get_future().share());
    BreakingModel other(0, open_other.get_future().share(), true);
    const auto pool = open({&breaks, &other}, {.sequences = 4, .context_tokens = 4096});
    std::vector<Reader> readers(8);
    std::vector<RequestId> ids;
    for (Reader& reader : readers) {
      ids.push_back(must_submit(*pool, endless(), reader));
    }
    std::thread canceller([&] {
      for (const RequestId id : ids) {
        pool->cancel(id);
      }
    });
    open_gate.set_value();
    canceller.join();
    open_other.set_value();
    for (Reader& reader : readers) {
      EXPECT_EQ(reader.wait().finish, FinishReason::kCancelled);
    }
  }
}

TEST_F(EnginePoolTest, AFullDeviceLeavesTheRequestToAnother) {
  std::promise<void> open_gate;
  BreakingModel slow(0, open_gate.get_future().share());
  const auto pool = open({&slow, &second_}, {.sequences = 1, .context_tokens = 256, .queue = 1});
  std::vector<Reader> readers(4);
  for (Reader& reader : readers) {
    must_submit(*pool, text(long_prompt(1), 3), reader);
  }
  open_gate.set_value();
  for (Reader& reader : readers) {
    EXPECT_NE(reader.wait().finish, FinishReason::kCancelled);
  }
}

}  // namespace
}  // namespace monocle
