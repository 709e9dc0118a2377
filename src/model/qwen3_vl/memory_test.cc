// SPDX-License-Identifier: Apache-2.0
// What is planned is what a load takes, to the byte.
#include "model/qwen3_vl/memory.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "model/qwen3_vl/random_weights.h"
#include "ops/reference/heap_memory.h"
#include "ops/reference/reference_backend.h"
#include "quant/format.h"

namespace monocle::qwen3_vl {
namespace {

// A device's memory: weights are copied into it. Counts what it gives out.
class CountingMemory final : public Memory {
 public:
  explicit CountingMemory(std::size_t granule) : granule_(granule) {}
  [[nodiscard]] MemoryInfo info() const override { return {.granule = granule_}; }
  Status reserve(std::size_t) override { return {}; }
  Result<void*> allocate(std::size_t bytes) override {
    taken += (bytes + granule_ - 1) / granule_ * granule_;
    return heap_.allocate(bytes);
  }
  void release(void* pointer) override { heap_.release(pointer); }
  void write(void* device, const void* host, std::size_t bytes) override {
    heap_.write(device, host, bytes);
  }
  void read(void* host, const void* device, std::size_t bytes) override {
    heap_.read(host, device, bytes);
  }
  Result<WeightView> place(const WeightView& host) override {
    const FormatInfo& info = format_info(host.format);
    for (const std::size_t bytes :
         {info.data_bytes(host.rows, host.cols), info.aux_bytes(host.rows, host.cols)}) {
      taken += (bytes + granule_ - 1) / granule_ * granule_;
    }
    return host;
  }

  std::size_t taken = 0;

 private:
  std::size_t granule_;
  HeapMemory heap_;
};

// What random_tensor() makes.
constexpr auto kAllBf16 = [](std::string_view) -> Result<QuantFormat> {
  return QuantFormat::kBF16;
};

TEST(Weights, WhatHasNoScaleIsRefusedWhenItIsQuantised) {
  const Config config = *preset_config("tiny");
  HeapMemory memory;
  ThreadPool pool(2);
  const auto source = [&](std::string_view name, std::span<const std::int64_t> shape) {
    LoadedTensor loaded = random_tensor(name, shape, pool);
    if (name.ends_with("layers.0.mlp.up_proj.weight")) {
      static_cast<std::uint16_t*>(static_cast<void*>(loaded.owned.data()))[5] = 0x7f80;  // infinity
    }
    return Result<LoadedTensor>(std::move(loaded));
  };
  for (const QuantFormat format : {QuantFormat::kInt8Channel, QuantFormat::kFp8Channel}) {
    const auto weights = Weights::load(config, weights_in(format), source, memory, pool);
    ASSERT_FALSE(weights.has_value());
    EXPECT_EQ(weights.error().message,
              fmt::format("tensor model.language_model.layers.0.mlp.up_proj.weight holds a value "
                          "that is not a finite number: {} has no scale for it",
                          format_info(format).name));
  }
}

TEST(PlanLoad, IsWhatALoadTakes) {
  const Config config = *preset_config("tiny");
  ReferenceBackend backend;
  ThreadPool pool(2);
  const auto source = [&](std::string_view name, std::span<const std::int64_t> shape) {
    return Result<LoadedTensor>(random_tensor(name, shape, pool));
  };
  const WeightOptions formats[] = {
      {},
      {.text = QuantFormat::kInt8Channel, .head = {}, .vision = QuantFormat::kBF16},
      {.text = QuantFormat::kF32, .head = {}, .vision = QuantFormat::kF32},
      weights_in(QuantFormat::kInt4Group),
      weights_in(QuantFormat::kFp8Channel)};
  for (const WeightOptions& options : formats) {
    CountingMemory memory(backend.memory().info().granule);
    const auto weights = Weights::load(config, options, source, memory, pool);
    ASSERT_TRUE(weights.has_value()) << weights.error().message;
    ASSERT_TRUE(memory.allocate(rope_table_bytes(config)).has_value());
    const auto plan = plan_load(config, options, Precision::kAuto, kAllBf16, backend);
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    EXPECT_EQ(plan->memory, memory.taken);
    const auto model = Qwen3Vl::load(config, options, Precision::kAuto, source, backend, pool);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    EXPECT_EQ(plan->activation, (*model)->activation());
    EXPECT_EQ(plan->kv, (*model)->kv());
    EXPECT_EQ(plan->facts.vocab, (*model)->facts().vocab);
    const PlanLimits limits{
        .step_tokens = 33, .sequences = 3, .samples = 5, .blocks_per_sequence = 7, .patches = 64};
    const std::size_t planned = workspace_bytes(config, plan->activation, limits, backend);
    ASSERT_TRUE((*model)->plan(limits));
    EXPECT_EQ(planned, (*model)->workspace_bytes());
  }
}

TEST(PlanLoad, AMissingTensorIsAnError) {
  ReferenceBackend backend;
  const auto missing = [](std::string_view name) -> Result<QuantFormat> {
    return fail(ErrorCode::kNotFound, "no {}", name);
  };
  EXPECT_FALSE(
      plan_load(*preset_config("tiny"), {}, Precision::kAuto, missing, backend).has_value());
}

}  // namespace
}  // namespace monocle::qwen3_vl
