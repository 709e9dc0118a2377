// SPDX-License-Identifier: Apache-2.0
// A device that runs out of memory at the k-th request for some, for every k of a start: a clear
// error each time, and everything taken before is given back.
#include <gtest/gtest.h>

#include <set>

#include "base/thread_pool.h"
#include "engine/engine.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "ops/reference/reference_backend.h"
#include "store/checkpoint.h"

namespace monocle {
namespace {

class ScarceMemory final : public Memory {
 public:
  explicit ScarceMemory(Memory& real) : real_(real) {}

  [[nodiscard]] MemoryInfo info() const override { return real_.info(); }
  Status reserve(std::size_t bytes) override { return real_.reserve(bytes); }
  Result<void*> allocate(std::size_t bytes) override {
    if (++calls == fail_at) {
      return fail(ErrorCode::kTooLarge, "{} bytes asked for, 0 bytes are free", bytes);
    }
    MONOCLE_ASSIGN(void* pointer, real_.allocate(bytes));
    live.insert(pointer);
    return pointer;
  }
  void release(void* pointer) override {
    EXPECT_EQ(live.erase(pointer), 1U);
    real_.release(pointer);
  }
  void write(void* device, const void* host, std::size_t bytes) override {
    real_.write(device, host, bytes);
  }
  void read(void* host, const void* device, std::size_t bytes) override {
    real_.read(host, device, bytes);
  }
  Result<WeightView> place(const WeightView& host) override {
    if (++calls == fail_at) {
      return fail(ErrorCode::kTooLarge, "no room for a weight");
    }
    return real_.place(host);
  }

  int calls = 0;
  int fail_at = 0;  // 0: never
  std::set<void*> live;

 private:
  Memory& real_;
};

// Computes nothing: a start only takes memory.
class ScarceBackend final : public Backend {
 public:
  const Capabilities& capabilities() const override { return real_.capabilities(); }
  ScarceMemory& memory() override { return memory_; }
  void embed(const EmbedArgs& args) override { real_.embed(args); }
  void norm(const NormArgs& args) override { real_.norm(args); }
  void linear(const LinearArgs& args) override { real_.linear(args); }
  void rope_append(const RopeAppendArgs& args) override { real_.rope_append(args); }
  void attend_paged(const AttendPagedArgs& args) override { real_.attend_paged(args); }
  void attend_packed(const AttendPackedArgs& args) override { real_.attend_packed(args); }
  void add_rows(const AddRowsArgs& args) override { real_.add_rows(args); }
  void gather_rows(const GatherRowsArgs& args) override { real_.gather_rows(args); }
  void blend_rows(const BlendRowsArgs& args) override { real_.blend_rows(args); }
  void expand_pixels(const ExpandPixelsArgs& args) override { real_.expand_pixels(args); }
  void sample(const SampleArgs& args) override { real_.sample(args); }
  Ticket mark() override { return real_.mark(); }
  void wait(Ticket ticket) override { real_.wait(ticket); }
  void replay(GraphKey key, FunctionRef<void()> enqueue) override { real_.replay(key, enqueue); }

 private:
  ReferenceBackend real_;
  ScarceMemory memory_{real_.memory()};
};

// Loads the model, plans, makes the engine; gives everything back.
Status start(const Checkpoint& checkpoint, const qwen3_vl::Config& config, ScarceBackend& backend) {
  ThreadPool pool(1);
  MONOCLE_ASSIGN(const auto model, qwen3_vl::Qwen3Vl::load(
                                       config, {}, qwen3_vl::Precision::kF32,
                                       [&](std::string_view name, std::span<const std::int64_t>) {
                                         return checkpoint.load(name);
                                       },
                                       backend, pool));
  MONOCLE_ASSIGN(
      const auto engine,
      Engine::create(*model, backend,
                     {.sequences = 2, .context_tokens = 128, .patches = 64, .kv = model->kv()}));
  return {};
}

TEST(Allocation, AStartThatFailsAtAnyPointGivesEverythingBack) {
  const auto checkpoint =
      Checkpoint::open(MONOCLE_SOURCE_DIR "/tests/golden/model", MapAdvice::kNormal);
  ASSERT_TRUE(checkpoint.has_value()) << checkpoint.error().message;
  const auto json = *checkpoint->document(Document::kConfig);
  const auto config =
      qwen3_vl::parse_config({reinterpret_cast<const char*>(json.data()), json.size()});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  int failures = 0;
  for (int k = 1;; ++k) {
    ScarceBackend backend;
    backend.memory().fail_at = k;
    const Status started = start(*checkpoint, *config, backend);
    EXPECT_TRUE(backend.memory().live.empty()) << "after failure " << k;
    if (started.has_value()) {
      EXPECT_LT(backend.memory().calls, k);
      break;
    }
    EXPECT_EQ(started.error().code, ErrorCode::kTooLarge) << started.error().message;
    ++failures;
  }
  EXPECT_GT(failures, 20);  // weights, tables, workspace, cache, media, logits
}

}  // namespace
}  // namespace monocle
