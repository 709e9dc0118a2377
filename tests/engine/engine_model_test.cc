// SPDX-License-Identifier: Apache-2.0
// Answers of a real model must not depend on what else the engine computes in the same steps, in
// which chunks, or what its caches remember.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <string>

#include "base/thread_pool.h"
#include "cpu/cpu_backend.h"
#include "engine/engine.h"
#include "model/qwen3_vl/config.h"
#include "model/qwen3_vl/qwen3_vl.h"
#include "model/qwen3_vl/random_weights.h"
#include "ops/reference/reference_backend.h"
#include "store/checkpoint.h"
#include "store/safetensors.h"
#ifdef MONOCLE_ENGINE_CUDA
#include "cuda/cuda_backend.h"
#endif

namespace monocle {
namespace {

struct Setup {
  const char* name;
  const char* device;
  std::optional<QuantFormat> text;
  qwen3_vl::Precision precision;
  int requests;
  double state_error;  // rms of an embedding's difference from transformers', as a share of its rms
};

// Everything that must stay alive below an engine.
struct Opened {
  std::unique_ptr<Checkpoint> checkpoint;
  qwen3_vl::Config config;
  std::unique_ptr<Backend> backend;
};

std::string model_path() {
  const char* path = std::getenv("MONOCLE_MODEL");
  return path != nullptr ? path : MONOCLE_SOURCE_DIR "/tests/golden/model";
}

Result<Opened> open(const Setup& setup) {
  Opened opened;
  MONOCLE_ASSIGN(Checkpoint checkpoint, Checkpoint::open(model_path(), MapAdvice::kNormal));
  opened.checkpoint = std::make_unique<Checkpoint>(std::move(checkpoint));
  const auto json = *opened.checkpoint->document(Document::kConfig);
  MONOCLE_ASSIGN(opened.config,
                 qwen3_vl::parse_config({reinterpret_cast<const char*>(json.data()), json.size()}));
  if (std::string(setup.device) == "reference") {
    opened.backend = std::make_unique<ReferenceBackend>();
#ifdef MONOCLE_ENGINE_CUDA
  } else if (std::string(setup.device) == "cuda") {
    MONOCLE_ASSIGN(opened.backend, cuda::make_cuda_backend({.batch_invariant = true}));
#endif
  } else {
    MONOCLE_ASSIGN(opened.backend, cpu::make_cpu_backend({.threads = 2, .batch_invariant = true}));
  }
  return opened;
}

// A model plans its workspace once, so each engine has a model of its own.
struct Machine {
  std::unique_ptr<qwen3_vl::Qwen3Vl> model;
  std::unique_ptr<Engine> engine;
};

Result<Machine> start(Opened& opened, const Setup& setup, EngineLimits limits) {
  ThreadPool pool(1);
  Machine machine;
  qwen3_vl::WeightOptions weights;
  weights.text = setup.text;
  if (setup.text == QuantFormat::kBF16) {
    weights.vision = QuantFormat::kBF16;
  }
  MONOCLE_ASSIGN(machine.model, qwen3_vl::Qwen3Vl::load(
                                    opened.config, weights, setup.precision,
                                    [&](std::string_view name, std::span<const std::int64_t>) {
                                      return opened.checkpoint->load(name);
                                    },
                                    *opened.backend, pool));
  limits.context_tokens = 256;
  limits.patches = 64;
  limits.media_rows = 48;
  limits.kv = machine.model->kv();
  MONOCLE_ASSIGN(machine.engine, Engine::create(*machine.model, *opened.backend, limits));
  return machine;
}

void linear_positions(Prompt& prompt) {
  const auto n = static_cast<std::int32_t>(prompt.token_ids.size());
  for (int axis = 0; axis < 3; ++axis) {
    for (std::int32_t p = 0; p < n; ++p) {
      prompt.positions.push_back(p);
    }
  }
}

std::shared_ptr<const Patches> noise(const qwen3_vl::Config& config, unsigned seed) {
  return std::make_shared<const Patches>(qwen3_vl::random_patches(config.vision, {1, 4, 6}, seed));
}

// Text, shared beginnings, up to two of three pictures, greedy and drawn.
Request make_request(const qwen3_vl::Config& config, unsigned i) {
  std::mt19937 random(i);
  const auto word = [&] {
    return static_cast<std::int32_t>(
        1 + random() % static_cast<unsigned>(std::min(config.text.vocab_size, 200)));
  };
  Request request;
  std::vector<std::int32_t>& ids = request.prompt.token_ids;
  ids.assign(i % 3 * 11, 7);
  for (unsigned picture = 0; picture < i % 3; ++picture) {
    const unsigned which = (i / 3 + picture) % 3;
    request.prompt.spans.push_back({std::ssize(ids), 6, static_cast<std::int32_t>(picture), 0});
    request.prompt.media.push_back({noise(config, which), which, 77});
    ids.insert(ids.end(), 6, config.image_token_id);
  }
  for (auto n = 1 + random() % 40; n > 0; --n) {
    ids.push_back(word());
  }
  linear_positions(request.prompt);
  request.max_tokens = static_cast<std::int32_t>(8 + random() % 25);
  if (i % 4 == 3) {
    request.sampling.temperature = 0.8F;
    request.sampling.top_p = 0.9F;
    request.sampling.seed = i;
  }
  return request;
}

// Token ids and their log probabilities: these show a difference of one bit in any step.
using Answer = std::vector<std::pair<std::int32_t, float>>;
using Answers = std::map<RequestId, Answer>;

Answers drain(Engine& engine) {
  Answers answers;
  std::vector<TokenEvent> events;
  while (!engine.idle()) {
    engine.step(events);
  }
  for (const TokenEvent& event : events) {
    EXPECT_NE(event.finish, FinishReason::kError) << event.error;
    answers[event.request].emplace_back(event.token_id, event.logprob);
  }
  return answers;
}

class EngineModel : public testing::TestWithParam<Setup> {
 protected:
  void SetUp() override {
    const auto isa = cpu::choose_isa(cpu::isa_from_environment());
    if (!isa) {
      GTEST_SKIP() << isa.error().message;
    }
    auto opened = open(GetParam());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    opened_ = std::move(*opened);
  }
  Machine machine(const EngineLimits& limits) {
    auto made = start(opened_, GetParam(), limits);
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return std::move(*made);
  }
  Request request(int i) const { return make_request(opened_.config, static_cast<unsigned>(i)); }
  Answer alone(Engine& engine, Request request) {
    const auto id = engine.submit(std::move(request));
    EXPECT_TRUE(id.has_value()) << id.error().message;
    return drain(engine)[*id];
  }
  void expect_as_alone(const Machine& single, const Machine& shared, int requests) {
    Answers expected;
    for (int i = 0; i < requests; ++i) {
      const auto id = shared.engine->submit(request(i));
      ASSERT_TRUE(id.has_value()) << id.error().message;
      expected[*id] = alone(*single.engine, request(i));
    }
    Answers answers = drain(*shared.engine);
    int different = 0;
    for (const auto& [id, answer] : expected) {
      different += answers[id] == answer ? 0 : 1;
    }
    EXPECT_EQ(different, 0) << "of " << expected.size() << " answers";
  }

  Opened opened_;
};

constexpr EngineLimits kAlone{.step_tokens = 256, .sequences = 1, .prefix_cache = false};

TEST_P(EngineModel, MixedRequestsGiveTheSameTokensAsAlone) {
  const Machine single = machine(kAlone);
  const Machine shared = machine({.step_tokens = 40, .sequences = 8, .kv_tokens = 400});
  expect_as_alone(single, shared, GetParam().requests);
  EXPECT_GT(shared.engine->stats().prefix_hit_tokens, 0);
}

// More rows in a step than any prompt has: where kernels are chosen by their number, another one.
TEST_P(EngineModel, PromptsReadInOneStepGiveTheSameTokensAsAlone) {
  const Machine single = machine(kAlone);
  const Machine shared = machine({.step_tokens = 512, .sequences = 16, .kv_tokens = 2048});
  expect_as_alone(single, shared, 16);
  EXPECT_GT(shared.engine->stats().step_tokens, 16 * 20);
}

// The vision tower in parts of a layer each, decode steps of others in between.
TEST_P(EngineModel, APictureReadLayerByLayerGivesTheSameTokensAsWhole) {
  const Machine whole = machine(kAlone);
  const Machine parts =
      machine({.step_tokens = 40, .sequences = 4, .kv_tokens = 400, .media_patches = 1});
  Answers expected;
  for (int i = 0; i < 9; ++i) {
    const auto id = parts.engine->submit(request(i));
    ASSERT_TRUE(id.has_value()) << id.error().message;
    expected[*id] = alone(*whole.engine, request(i));
  }
  EXPECT_EQ(drain(*parts.engine), expected);
}

TEST_P(EngineModel, TheSecondQuestionAboutAPictureIsAnsweredAsCold) {
  const Machine warm = machine({.step_tokens = 256, .sequences = 1});
  const Machine cold = machine(kAlone);
  Request first = request(5);
  ASSERT_EQ(first.prompt.media.size(), 2U);
  Request second = first;
  second.prompt.token_ids.back() += 1;
  alone(*warm.engine, first);
  const std::int64_t before = warm.engine->stats().step_tokens;
  const auto answer = alone(*warm.engine, second);
  EXPECT_LT(warm.engine->stats().step_tokens - before, std::ssize(second.prompt.token_ids));
  EXPECT_EQ(answer, alone(*cold.engine, second));
}

template <class T>
std::vector<T> values(const SafetensorsFile& file, std::string_view name) {
  const auto at = std::ranges::find(file.tensors(), name, &TensorInfo::name);
  EXPECT_TRUE(at != file.tensors().end()) << name;
  std::vector<T> out(at->bytes.size() / sizeof(T));
  std::memcpy(out.data(), at->bytes.data(), at->bytes.size());
  return out;
}

// The last row behind the last norm, as transformers computes it for the same text.
TEST_P(EngineModel, AnEmbeddingIsTheReferencesLastState) {
  const auto golden = SafetensorsFile::open(
      MONOCLE_SOURCE_DIR "/tests/golden/model/goldens/text.safetensors", MapAdvice::kNormal);
  ASSERT_TRUE(golden.has_value()) << golden.error().message;
  Request request;
  for (const std::int64_t id : values<std::int64_t>(*golden, "in.input_ids")) {
    request.prompt.token_ids.push_back(static_cast<std::int32_t>(id));
  }
  for (const std::int64_t p : values<std::int64_t>(*golden, "position_ids")) {
    request.prompt.positions.push_back(static_cast<std::int32_t>(p));
  }
  request.embed = true;
  const Machine one = machine(kAlone);
  ASSERT_TRUE(one.engine->submit(std::move(request)).has_value());
  std::vector<TokenEvent> events;
  while (!one.engine->idle()) {
    one.engine->step(events);
  }
  ASSERT_EQ(events.size(), 1U);
  const std::vector<float> states = values<float>(*golden, "lm.final_norm");
  const std::vector<float>& ours = events.front().embedding;
  ASSERT_LE(ours.size(), states.size());
  const auto expected = std::span(states).last(ours.size());
  double error = 0;
  double size = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    error += std::pow(ours[i] - expected[i], 2);
    size += std::pow(expected[i], 2);
  }
  EXPECT_LE(std::sqrt(error / size), GetParam().state_error);
}

constexpr auto kF32 = qwen3_vl::Precision::kF32;
constexpr auto kAuto = qwen3_vl::Precision::kAuto;
constexpr Setup kReference[] = {{"f32", "reference", std::nullopt, kF32, 16, 5e-5}};
constexpr Setup kCpu[] = {{"f32", "cpu", std::nullopt, kF32, 60, 5e-5},
                          {"bf16", "cpu", QuantFormat::kBF16, kAuto, 60, 0.025},
                          {"int8", "cpu", QuantFormat::kInt8Channel, kAuto, 60, 0.09},
                          {"int4", "cpu", QuantFormat::kInt4Group, kAuto, 60, 0.5},
                          {"fp8", "cpu", QuantFormat::kFp8Channel, kAuto, 60, 0.25}};

std::string name_of(const testing::TestParamInfo<Setup>& setup) { return setup.param.name; }

INSTANTIATE_TEST_SUITE_P(Reference, EngineModel, testing::ValuesIn(kReference), name_of);
INSTANTIATE_TEST_SUITE_P(Cpu, EngineModel, testing::ValuesIn(kCpu), name_of);
#ifdef MONOCLE_ENGINE_CUDA
constexpr Setup kCuda[] = {{"bf16", "cuda", QuantFormat::kBF16, kAuto, 60, 0.025},
                           {"int8", "cuda", QuantFormat::kInt8Channel, kAuto, 60, 0.09},
                           {"int4", "cuda", QuantFormat::kInt4Group, kAuto, 60, 0.5}};
INSTANTIATE_TEST_SUITE_P(Cuda, EngineModel, testing::ValuesIn(kCuda), name_of);
#endif

}  // namespace
}  // namespace monocle
