// SPDX-License-Identifier: Apache-2.0
// The verb sample: ids must be equal, not close. The rows of one call mix every kind of request.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "backends.h"
#include "harness.h"
#include "ops/reference/reference_backend.h"

namespace monocle::parity {
namespace {

struct Batch {
  HostTensor logits;
  std::int32_t vocab = 0;
  std::vector<SampleRow> rows;
  std::vector<TokenCount> seen;
  std::vector<LogitBias> bias;
  std::vector<std::uint32_t> allowed;
  std::vector<std::uint32_t> nothing;
};

SampleRow make_row(const Batch& batch, std::size_t kind) {
  SampleRow row;
  row.seed = 11 + kind;
  row.step = kind * 3;
  row.temperature = kind % 2 == 0 ? 0.0F : 0.8F;
  switch (kind % 8) {
    case 1:
      row.top_k = 20;
      row.top_p = 0.8F;
      break;  // the model's own defaults
    case 2:
      row.seen = batch.seen;
      row.repetition_penalty = 1.3F;
      row.presence_penalty = 1.5F;
      break;
    case 3:
      row.min_p = 0.05F;
      row.seen = batch.seen;
      row.frequency_penalty = 0.4F;
      break;
    case 4:
      row.allowed = batch.allowed.data();
      row.top_logprobs = 5;
      break;
    case 5:
      row.allowed = batch.allowed.data();
      row.top_p = 0.95F;
      row.bias = batch.bias;
      break;
    case 6:
      row.allowed = batch.nothing.data();
      row.top_logprobs = 3;
      break;
    case 7:
      row.top_logprobs = kMaxTopLogprobs;
      break;
    default:
      break;
  }
  return row;
}

// The vocabulary is smaller than a row of logits: the padding holds the largest values, and must
// never be chosen.
void fill(Batch& batch, std::size_t count, std::int32_t vocab, std::int32_t padding,
          const std::string& name) {
  Random random(name);
  batch.vocab = vocab;
  batch.logits = HostTensor(static_cast<std::int64_t>(count), vocab + padding, DType::kF32, 3);
  for (std::size_t s = 0; s < count; ++s) {
    for (std::int32_t id = 0; id < vocab + padding; ++id) {
      batch.logits.set(static_cast<std::int64_t>(s), id,
                       id < vocab ? 3.0F * random.normal() : 50.0F);
    }
  }
  // Two equal maxima: the first must win.
  for (std::size_t s = 0; s < count && vocab > 4; ++s) {
    batch.logits.set(static_cast<std::int64_t>(s), vocab / 2, 20.0F);
    batch.logits.set(static_cast<std::int64_t>(s), vocab - 1, 20.0F);
  }
  for (std::int32_t id = 0; id < vocab; id += 1 + vocab / 40) {
    batch.seen.push_back({id, id % 3});
    batch.bias.push_back({id, random.normal()});
  }
  batch.allowed.assign(static_cast<std::size_t>((vocab + 31) / 32), 0x5a5aa5a5U);
  batch.nothing.assign(batch.allowed.size(), 0U);
  for (std::size_t kind = 0; kind < count; ++kind) {
    batch.rows.push_back(make_row(batch, kind));
  }
}

// Few different logits, so that every cutoff falls among equal ones, and every combination of
// parameters; every seventh bias names a token twice, or its tokens fall.
void fill_with_ties(Batch& batch, std::size_t count, std::int32_t vocab) {
  Random random("ties" + std::to_string(vocab));
  fill(batch, 0, vocab, 0, "ties");
  batch.logits = HostTensor(static_cast<std::int64_t>(count), vocab, DType::kF32, 1);
  batch.bias.push_back({batch.bias.front().id, 0.5F});
  for (std::size_t s = 0; s < count; ++s) {
    const auto row = static_cast<std::int64_t>(s);
    for (std::int32_t id = 0; id < vocab; ++id) {
      batch.logits.set(row, id, std::round(4.0F * random.normal()) * (s % 3 == 0 ? 0.25F : 1.0F));
    }
    SampleRow parameters;
    parameters.seed = s;
    parameters.step = 7 * s;
    parameters.temperature = std::array{0.05F, 0.7F, 1.0F, 30.0F}[s % 4];
    parameters.top_k = std::array{0, 1, 5, 50, 1000, vocab - 1}[s % 6];
    parameters.top_p = std::array{1.0F, 0.9F, 0.3F, 0.0F, 0.999F}[s % 5];
    parameters.min_p = std::array{0.0F, 0.01F, 0.0F, 0.3F, 0.0F, 0.0F, 1.0F}[s % 7];
    parameters.top_logprobs = s % 8 == 0 ? 3 : 0;
    if (s % 7 == 0) {
      parameters.bias = batch.bias;
    }
    if (s % 5 == 0) {
      parameters.allowed = batch.allowed.data();
    }
    batch.rows.push_back(parameters);
  }
}

std::vector<SampledToken> run(Backend& backend, const Batch& batch) {
  Rig rig(backend);
  std::vector<SampledToken> out(batch.rows.size());
  SampleArgs args;
  args.logits = rig.put(batch.logits);
  args.vocab = batch.vocab;
  args.rows = batch.rows;
  args.out = out;
  backend.sample(args);
  backend.wait(backend.mark());
  return out;
}

class SampleParity : public testing::TestWithParam<std::tuple<std::string, std::int32_t>> {};

void expect_the_same(const std::vector<SampledToken>& actual,
                     const std::vector<SampledToken>& expected, std::int32_t vocab) {
  for (std::size_t s = 0; s < actual.size(); ++s) {
    SCOPED_TRACE("row " + std::to_string(s));
    EXPECT_EQ(actual[s].id, expected[s].id);
    EXPECT_LT(actual[s].id, vocab);
    if (expected[s].id >= 0) {
      EXPECT_NEAR(actual[s].logprob, expected[s].logprob, 1e-4F);
    }
    ASSERT_EQ(actual[s].top_count, expected[s].top_count);
    for (std::size_t i = 0; i < static_cast<std::size_t>(actual[s].top_count); ++i) {
      EXPECT_EQ(actual[s].top[i].id, expected[s].top[i].id);
      EXPECT_NEAR(actual[s].top[i].logprob, expected[s].top[i].logprob, 1e-4F);
    }
  }
}

void compare(const std::string& name, const Batch& batch) {
  ReferenceBackend reference;
  const std::vector<SampledToken> expected = run(reference, batch);
  for (const int threads : {1, 3}) {
    auto backend = make_backend(name, threads);
    if (!backend && backend.error().code == ErrorCode::kUnsupported) {
      GTEST_SKIP() << backend.error().message;
    }
    ASSERT_TRUE(backend.has_value()) << backend.error().message;
    expect_the_same(run(**backend, batch), expected, batch.vocab);
  }
}

TEST_P(SampleParity, ChoosesTheSameTokens) {
  const auto& [name, vocab] = GetParam();
  Batch batch;
  fill(batch, 17, vocab, vocab > 1000 ? 267 : 0, "sample" + std::to_string(vocab));
  compare(name, batch);
}

TEST_P(SampleParity, ChoosesTheSameTokensAmongEqualOnes) {
  const auto& [name, vocab] = GetParam();
  Batch batch;
  fill_with_ties(batch, vocab > 10000 ? 70 : 420, vocab);
  compare(name, batch);
}

TEST_P(SampleParity, NoRowsIsNothingToDo) {
  const auto& [name, vocab] = GetParam();
  auto backend = make_backend(name, 2);
  if (!backend && backend.error().code == ErrorCode::kUnsupported) {
    GTEST_SKIP() << backend.error().message;
  }
  ASSERT_TRUE(backend.has_value()) << backend.error().message;
  Batch batch;
  fill(batch, 0, vocab, 0, "empty");
  EXPECT_TRUE(run(**backend, batch).empty());
}

INSTANTIATE_TEST_SUITE_P(Verbs, SampleParity,
                         testing::Combine(testing::ValuesIn(backend_names()),
                                          testing::Values(1, 7, 33, 1027, 151936 - 267)),
                         [](const auto& param) {
                           return std::get<0>(param.param) + "_sample_v" +
                                  std::to_string(std::get<1>(param.param));
                         });

}  // namespace
}  // namespace monocle::parity
