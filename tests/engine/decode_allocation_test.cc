// SPDX-License-Identifier: Apache-2.0
// Once every shape has been seen, a step that decodes takes no memory: neither from the heap nor as
// fresh pages, on whichever thread. This program counts both.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"
#include "engine/engine.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "store/checkpoint.h"

namespace {
std::atomic<long> taken{0};
}  // namespace

// Not inlined: GCC would see malloc meet delete.
__attribute__((noinline)) void* operator new(std::size_t bytes) {
  taken.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes); memory != nullptr) {
    return memory;
  }
  throw std::bad_alloc();
}
__attribute__((noinline)) void* operator new[](std::size_t bytes) { return operator new(bytes); }
__attribute__((noinline)) void operator delete(void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
__attribute__((noinline)) void operator delete[](void* memory) noexcept { std::free(memory); }
__attribute__((noinline)) void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

#ifndef __SANITIZE_ADDRESS__
extern "C" void* mmap(void* address, std::size_t bytes, int protection, int flags, int file,
                      off_t offset) noexcept {
  taken.fetch_add(1, std::memory_order_relaxed);
  return reinterpret_cast<void*>(
      syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}
#endif

namespace monocle {
namespace {

struct Setup {
  const char* name;
  QuantFormat format;
  DType kv;
};

class DecodeAllocation : public testing::TestWithParam<Setup> {};

TEST_P(DecodeAllocation, AWarmStepTakesNoMemory) {
  const auto checkpoint =
      Checkpoint::open(MONOCLE_SOURCE_DIR "/tests/golden/model", MapAdvice::kNormal);
  ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
  const auto json = *checkpoint->document(Document::kConfig);
  const auto config =
      qwen3_vl::parse_config({reinterpret_cast<const char*>(json.data()), json.size()});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  const auto backend = cpu::make_cpu_backend({.threads = 2});
  ASSERT_TRUE(backend.has_value()) << backend.error().message;
  ThreadPool pool(1);
  const auto model = qwen3_vl::Qwen3Vl::load(
      *config, qwen3_vl::weights_in(GetParam().format), qwen3_vl::Precision::kAuto,
      [&](std::string_view name, std::span<const std::int64_t>) { return checkpoint->load(name); },
      **backend, pool);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  ASSERT_TRUE((*model)->use_kv(GetParam().kv).has_value());
  EngineLimits limits;
  limits.sequences = 1;
  limits.prefix_cache = false;  // what it remembers of full blocks takes memory of its own
  limits.context_tokens = 160;
  limits.patches = 4;
  limits.media_rows = 1;
  limits.kv = (*model)->kv();
  const auto engine = Engine::create(**model, **backend, limits);
  ASSERT_TRUE(engine.has_value()) << engine.error().message;
  Request request;
  request.prompt.token_ids.assign(20, 7);
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int32_t i = 0; i < 20; ++i) {
      request.prompt.positions.push_back(i);
    }
  }
  request.max_tokens = 120;
  ASSERT_TRUE((*engine)->submit(std::move(request)).has_value());
  std::vector<TokenEvent> events;
  events.reserve(4);
  long in_steps = 0;
  int counted = 0;
  for (int step = 0; !(*engine)->idle(); ++step) {
    events.clear();
    const long before = taken.load();
    (*engine)->step(events);
    if (step >= 40 && step < 110) {
      in_steps += taken.load() - before;
      ++counted;
    }
  }
  EXPECT_EQ(counted, 70);
  EXPECT_EQ(in_steps, 0);
}

constexpr Setup kSetups[] = {{"f32", QuantFormat::kF32, DType::kF32},
                             {"bf16", QuantFormat::kBF16, DType::kBF16},
                             {"int8", QuantFormat::kInt8Channel, DType::kI8},
                             {"int4", QuantFormat::kInt4Group, DType::kI8}};

INSTANTIATE_TEST_SUITE_P(Cpu, DecodeAllocation, testing::ValuesIn(kSetups),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace monocle
