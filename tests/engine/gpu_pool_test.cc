// SPDX-License-Identifier: Apache-2.0
// An engine on each of several GPUs. Skipped where there are fewer than two.
#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "break_device.h"
#include "cuda/cuda_backend.h"
#include "engine/engine_pool.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "model/qwen3_vl/random_weights.h"

namespace monocle {
namespace {

struct Replica {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<qwen3_vl::Qwen3Vl> model;
};

Request question(std::int32_t first, std::int32_t tokens) {
  Request request;
  for (std::int32_t i = 0; i < 40; ++i) {
    request.prompt.token_ids.push_back(first + i);
  }
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int32_t i = 0; i < 40; ++i) {
      request.prompt.positions.push_back(i);
    }
  }
  request.max_tokens = tokens;
  return request;
}

struct Reader {
  std::atomic<int> tokens{0};
  std::vector<std::int32_t> ids;
  std::promise<TokenEvent> end;

  EventHandler handler() {
    return [this](TokenEvent&& event) {
      if (event.token_id >= 0) {
        ids.push_back(event.token_id);
        ++tokens;
      }
      if (event.finish != FinishReason::kNone) {
        end.set_value(std::move(event));
      }
    };
  }
};

class GpuPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess || count < 2) {
      GTEST_SKIP() << "needs two GPUs";
    }
    const qwen3_vl::Config config = *qwen3_vl::preset_config("tiny");
    ThreadPool threads(4);
    std::vector<EnginePool::Member> members;
    for (int device = 0; device < 2; ++device) {
      Replica& replica = replicas_.emplace_back();
      replica.backend = std::move(*cuda::make_cuda_backend({.device = device}));
      replica.model = std::move(*qwen3_vl::Qwen3Vl::load(
          config, {}, qwen3_vl::Precision::kAuto,
          [&](std::string_view name, std::span<const std::int64_t> shape) {
            return Result<LoadedTensor>(qwen3_vl::random_tensor(name, shape, threads));
          },
          *replica.backend, threads));
      const EngineLimits limits{
          .sequences = 4, .context_tokens = 8192, .patches = 16, .kv = replica.model->kv()};
      members.push_back({"cuda:" + std::to_string(device),
                         std::move(*Engine::create(*replica.model, *replica.backend, limits))});
    }
    pool_ = std::make_unique<EnginePool>(std::move(members));
  }

  // Nothing can be taken down in order on a device that is gone.
  void leak() {
    pool_->stop(std::chrono::milliseconds(0));
    static_cast<void>(pool_.release());
    static_cast<void>(new std::vector<Replica>(std::move(replicas_)));
  }

  std::vector<Replica> replicas_;
  std::unique_ptr<EnginePool> pool_;
};

TEST_F(GpuPoolTest, BothDevicesGiveTheSameAnswer) {
  std::vector<Reader> readers(2);
  for (Reader& reader : readers) {
    Request request = question(5, 50);
    request.use_prefix_cache = false;  // or both would go where the first one went
    ASSERT_TRUE(pool_->submit(std::move(request), reader.handler()).has_value());
  }
  for (Reader& reader : readers) {
    EXPECT_EQ(reader.end.get_future().get().error, "");
  }
  EXPECT_EQ(readers[0].ids, readers[1].ids);
  for (const EnginePool::DeviceStats& device : pool_->devices()) {
    EXPECT_GT(device.stats.generation_tokens, 0) << device.name;
  }
}

// The context of one device is destroyed while the other answers: what is asked of the first from
// then on moves.
TEST_F(GpuPoolTest, ADeviceThatIsLostDoesNotTakeTheOtherDown) {
  std::vector<Reader> running(4);
  for (std::size_t i = 0; i < running.size(); ++i) {
    const auto first = static_cast<std::int32_t>(i) * 100;
    ASSERT_TRUE(pool_->submit(question(first, i % 2 == 0 ? 5 : 8000), running[i].handler()));
  }
  running[0].end.get_future().wait();  // the first device is idle now, the second is not
  running[2].end.get_future().wait();
  test::destroy_context(0);
  std::vector<Reader> later(4);
  for (std::size_t i = 0; i < later.size(); ++i) {
    const auto first = 1000 + static_cast<std::int32_t>(i) * 100;
    ASSERT_TRUE(pool_->submit(question(first, 20), later[i].handler()));
  }
  for (Reader& reader : later) {
    const TokenEvent end = reader.end.get_future().get();
    EXPECT_EQ(end.finish, FinishReason::kLength) << end.error;
  }
  for (const std::size_t i : {1, 3}) {
    EXPECT_EQ(running[i].end.get_future().get().finish, FinishReason::kLength);
  }
  EXPECT_TRUE(pool_->stats().healthy);
  EXPECT_NE(pool_->devices()[0].failure, "");
  EXPECT_EQ(pool_->devices()[1].failure, "");
  EXPECT_GT(pool_->moved(), 0);
  leak();
}

// A kernel that faults is worse: CUDA gives up the whole process, so that every device fails. All
// that can be asked is one clear end for every request.
TEST_F(GpuPoolTest, AFaultingKernelEndsEveryRequestWithItsError) {
  std::vector<Reader> readers(8);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    const auto first = static_cast<std::int32_t>(i) * 100;
    ASSERT_TRUE(pool_->submit(question(first, 8000), readers[i].handler()));
  }
  for (Reader& reader : readers) {
    while (reader.tokens < 5) {
      std::this_thread::yield();
    }
  }
  test::fault(0);
  for (Reader& reader : readers) {
    const TokenEvent end = reader.end.get_future().get();
    if (end.finish == FinishReason::kError) {
      EXPECT_NE(end.error.find("the GPU reported"), std::string::npos) << end.error;
    }
  }
  EXPECT_NE(pool_->devices()[0].failure, "");
  leak();
}

}  // namespace
}  // namespace monocle
