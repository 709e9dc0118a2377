// SPDX-License-Identifier: Apache-2.0
#include "engine/engine_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <stdexcept>

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

class EngineLoopTest : public testing::Test {
 protected:
  std::unique_ptr<EngineLoop> open(EngineLimits limits, Model* model = nullptr) {
    limits.kv = DType::kF32;
    limits.patches = 64;
    auto engine = Engine::create(model != nullptr ? *model : model_, backend_, limits);
    EXPECT_TRUE(engine.has_value()) << engine.error().message;
    return std::make_unique<EngineLoop>(std::move(*engine));
  }
  static RequestId must_submit(EngineLoop& loop, Request request, Reader& reader) {
    const auto id = loop.submit(std::move(request), reader.handler());
    EXPECT_TRUE(id.has_value()) << id.error().message;
    return id.value_or(0);
  }

  FakeModel model_;
  ReferenceBackend backend_;
};

TEST_F(EngineLoopTest, AnswersARequest) {
  const auto loop = open({.context_tokens = 64});
  Reader reader;
  must_submit(*loop, picture(3, 1.0F, 4), reader);
  const TokenEvent last = reader.wait();
  EXPECT_TRUE(last.finish == FinishReason::kLength || last.finish == FinishReason::kStop);
  EXPECT_EQ(last.usage.completion_tokens, reader.tokens());
  EXPECT_EQ(loop->stats().running, 0);
  EXPECT_EQ(loop->stats().waiting, 0);
}

TEST_F(EngineLoopTest, RefusesAtSubmitWhatCanNeverRun) {
  const auto loop = open({.context_tokens = 16});
  const auto too_long = loop->submit(text(std::vector<std::int32_t>(16, 1), 1), [](TokenEvent&&) {
    ADD_FAILURE() << "a refused request has no events";
  });
  ASSERT_FALSE(too_long.has_value());
  EXPECT_EQ(too_long.error().code, ErrorCode::kTooLarge);
  const auto empty = loop->submit(text({}, 1), [](TokenEvent&&) { ADD_FAILURE(); });
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(EngineLoopTest, CancelEndsARunningAndAWaitingRequest) {
  const auto loop = open({.context_tokens = 4096});
  Reader running;
  Reader waiting;
  const RequestId first = must_submit(*loop, endless(), running);
  const RequestId second = must_submit(*loop, endless(), waiting);
  running.wait_for_tokens(2);
  loop->cancel(second);
  EXPECT_EQ(waiting.wait().finish, FinishReason::kCancelled);
  loop->cancel(first);
  EXPECT_EQ(running.wait().finish, FinishReason::kCancelled);
  loop->cancel(first);  // the second time, and an unknown one: ignored
  loop->cancel(12345);
  EXPECT_EQ(loop->stats().kv_blocks_used, 0);
}

TEST_F(EngineLoopTest, AFullQueueIsRefusedAndHasRoomAgainAfterAnEnd) {
  const auto loop = open({.sequences = 1, .context_tokens = 4096, .queue = 2});
  std::vector<Reader> readers(4);
  std::vector<RequestId> ids;
  for (std::size_t i = 0; i < 3; ++i) {
    ids.push_back(must_submit(*loop, endless(), readers[i]));
  }
  const auto refused = loop->submit(endless(), readers[3].handler());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kQueueFull);
  loop->cancel(ids[1]);
  readers[1].wait();
  must_submit(*loop, endless(), readers[3]);
  loop->stop(std::chrono::milliseconds(0));
  for (const std::size_t i : {0U, 2U, 3U}) {
    EXPECT_EQ(readers[i].wait().finish, FinishReason::kCancelled);
  }
}

TEST_F(EngineLoopTest, APausedRequestStandsStillAndGoesOn) {
  const auto loop = open({.sequences = 2, .context_tokens = 4096});
  Reader paused;
  Reader other;
  const RequestId id = must_submit(*loop, endless(), paused);
  paused.wait_for_tokens(1);
  loop->pause(id);
  must_submit(*loop, text({5}, 50), other);  // answered by steps that come after the pause
  other.wait();
  const int seen = paused.tokens();
  Reader third;
  must_submit(*loop, text({6}, 50), third);
  third.wait();
  EXPECT_EQ(paused.tokens(), seen);
  loop->resume(id);
  paused.wait_for_tokens(seen + 3);
  loop->pause(id);
  loop->cancel(id);
  EXPECT_EQ(paused.wait().finish, FinishReason::kCancelled);
}

TEST_F(EngineLoopTest, StopLetsRequestsFinishWithinTheGrace) {
  const auto loop = open({.context_tokens = 256});
  Reader reader;
  must_submit(*loop, text({1, 2}, 200), reader);
  loop->stop(std::chrono::minutes(5));
  EXPECT_NE(reader.wait().finish, FinishReason::kCancelled);
  const auto late = loop->submit(text({1}, 1), [](TokenEvent&&) { ADD_FAILURE(); });
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
}

TEST_F(EngineLoopTest, StopCancelsWhatIsLeftAfterTheGrace) {
  const auto loop = open({.sequences = 2, .context_tokens = 4096});
  Reader running;
  Reader paused;
  Request slow = endless();
  slow.max_tokens = 4000;
  must_submit(*loop, std::move(slow), running);
  const RequestId id = must_submit(*loop, endless(), paused);
  loop->pause(id);
  loop->stop(std::chrono::milliseconds(20));
  EXPECT_EQ(paused.wait().finish, FinishReason::kCancelled);
  running.wait();
}

TEST_F(EngineLoopTest, DestructionEndsEveryRequest) {
  std::vector<Reader> readers(5);
  {
    const auto loop = open({.sequences = 2, .context_tokens = 4096});
    for (Reader& reader : readers) {
      must_submit(*loop, endless(), reader);
    }
  }
  for (Reader& reader : readers) {
    EXPECT_EQ(reader.wait().finish, FinishReason::kCancelled);
  }
}

TEST_F(EngineLoopTest, ALostDeviceEndsEveryRequestAndRefusesNewOnes) {
  BreakingModel model(3);
  const auto loop = open({.sequences = 2, .context_tokens = 4096}, &model);
  std::vector<Reader> readers(4);
  std::size_t accepted = 0;
  for (Reader& reader : readers) {  // the device may be lost before all four are in
    accepted += loop->submit(endless(), reader.handler()).has_value() ? 1U : 0U;
  }
  ASSERT_GE(accepted, 1U);
  for (std::size_t i = 0; i < accepted; ++i) {
    const TokenEvent last = readers[i].wait();
    EXPECT_EQ(last.finish, FinishReason::kError);
    EXPECT_EQ(last.error, "the device is lost");
  }
  EXPECT_FALSE(loop->stats().healthy);
  const auto late = loop->submit(text({1}, 1), [](TokenEvent&&) { ADD_FAILURE(); });
  ASSERT_FALSE(late.has_value());
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
}

TEST_F(EngineLoopTest, ManyThreadsEachGetOneTerminalEventPerRequest) {
  const auto loop =
      open({.step_tokens = 64, .sequences = 4, .context_tokens = 128, .kv_tokens = 512});
  constexpr int kThreads = 4;
  constexpr int kRequests = 40;
  std::atomic<int> terminals{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRequests; ++i) {
        Reader reader;
        Request request =
            i % 3 == 0 ? picture(i % 9, static_cast<float>(i % 4), 6) : text({t, i, 7}, 1 + i % 11);
        const RequestId id = must_submit(*loop, std::move(request), reader);
        if (i % 4 == 1) {
          loop->pause(id);
          loop->resume(id);
        }
        if (i % 5 == 0) {
          loop->cancel(id);
        }
        EXPECT_GE(loop->stats().kv_blocks_total, loop->stats().kv_blocks_used);
        reader.wait();
        terminals.fetch_add(1);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(terminals.load(), kThreads * kRequests);
  EXPECT_EQ(loop->stats().kv_blocks_used, 0);
}

}  // namespace
}  // namespace monocle
