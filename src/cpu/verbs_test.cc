// SPDX-License-Identifier: Apache-2.0
// The row verbs against the reference, on every instruction set of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cpu/norm.h"
#include "cpu/rope.h"
#include "cpu/rows.h"
#include "cpu/sample.h"
#include "cpu/test_isa.h"
#include "ops/reference/verbs.h"

namespace monocle::cpu {
namespace {

std::vector<float> noise(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(count);
  for (float& value : out) {
    value = normal(random);
  }
  return out;
}

// Memory of either element type, read back as float.
struct Tensor {
  Tensor(DType type_, std::int64_t rows_, std::int64_t cols_)
      : type(type_),
        rows(rows_),
        cols(cols_),
        bytes(static_cast<std::size_t>(rows * cols) * dtype_size(type)) {}
  Tensor(DType type_, std::int64_t rows_, std::int64_t cols_, unsigned seed)
      : Tensor(type_, rows_, cols_) {
    const std::vector<float> values = noise(static_cast<std::size_t>(rows * cols), seed);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint16_t bits = float_to_bf16(values[i]);
      std::memcpy(bytes.data() + i * dtype_size(type),
                  type == DType::kF32 ? static_cast<const void*>(&values[i]) : &bits,
                  dtype_size(type));
    }
  }
  TensorView view() { return {bytes.data(), type, rows, cols}; }
  [[nodiscard]] float at(std::size_t i) const {
    const std::byte* element = bytes.data() + i * dtype_size(type);
    if (type == DType::kF32) {
      float value = 0.0F;
      std::memcpy(&value, element, sizeof(value));
      return value;
    }
    std::uint16_t bits = 0;
    std::memcpy(&bits, element, sizeof(bits));
    return bf16_to_float(bits);
  }
  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(rows * cols); }

  DType type;
  std::int64_t rows;
  std::int64_t cols;
  std::vector<std::byte> bytes;
};

// Float sums against double sums; a bf16 result may also fall on the other side of a rounding.
void expect_close(const Tensor& got, const Tensor& want, float tolerance = 3e-6F) {
  const float rounding = got.type == DType::kF32 ? 0.0F : 0x1p-7F;
  for (std::size_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(got.at(i), want.at(i), tolerance + (tolerance + rounding) * std::fabs(want.at(i)))
        << "element " << i;
  }
}

class RowVerbs : public testing::TestWithParam<Isa> {
 protected:
  void SetUp() override {
    if (!isa_supported(isa())) {
      GTEST_SKIP() << "this machine has no " << isa_name(isa());
    }
  }
  static Isa isa() { return GetParam(); }
};

TEST_P(RowVerbs, NormMatchesTheReference) {
  Context context(2, false, isa());
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
    for (const DType type : {DType::kF32, DType::kBF16}) {
      for (const std::int64_t cols : {1, 3, 15, 16, 17, 63, 64, 65, 130, 1024}) {
        for (const std::int64_t rows : {0, 1, 37}) {
          Tensor x(DType::kF32, rows, cols, 3);
          const std::vector<float> weight = noise(static_cast<std::size_t>(cols), 4);
          const std::vector<float> bias = noise(static_cast<std::size_t>(cols), 5);
          Tensor got(type, rows, cols);
          Tensor want(type, rows, cols);
          NormArgs args{kind,          x.view(),
                        weight.data(), kind == NormKind::kLayer ? bias.data() : nullptr,
                        1e-6F,         got.view()};
          norm(context, args);
          args.y = want.view();
          reference::norm(args);
          // One or two columns leave next to nothing after the mean is taken off, which eps then
          // divides by.
          expect_close(got, want, cols < 4 ? 1e-3F : 1e-5F);
        }
      }
    }
  }
}

TEST_P(RowVerbs, LayerNormOfALargeMean) {
  Context context(1, false, isa());
  Tensor x(DType::kF32, 1, 1152);
  for (int i = 0; i < 1152; ++i) {
    const float value = 1000.0F + static_cast<float>(i % 7);
    std::memcpy(x.bytes.data() + i * 4, &value, 4);
  }
  const std::vector<float> one(1152, 1.0F);
  const std::vector<float> zero(1152, 0.0F);
  Tensor got(DType::kF32, 1, 1152);
  Tensor want(DType::kF32, 1, 1152);
  NormArgs args{NormKind::kLayer, x.view(), one.data(), zero.data(), 1e-6F, got.view()};
  norm(context, args);
  args.y = want.view();
  reference::norm(args);
  expect_close(got, want, 1e-4F);
}

struct RopeProblem {
  RopeProblem(std::int64_t tokens, int heads, int kv_heads, int d, DType type)
      : qkv(DType::kF32, tokens, std::int64_t{heads + 2 * kv_heads} * d, 7),
        k(type, 4 * kv_heads * 16, d),
        v(type, 4 * kv_heads * 16, d),
        q(type, tokens, std::int64_t{heads} * d),
        weight(noise(static_cast<std::size_t>(d), 8)) {
    for (int c = 0; c < d / 2; ++c) {
      inv_freq.push_back(std::pow(5e6F, -2.0F * static_cast<float>(c) / static_cast<float>(d)));
      axis.push_back(static_cast<std::uint8_t>(c % 3));
    }
    for (std::int64_t i = 0; i < 3 * tokens; ++i) {
      positions.push_back(static_cast<std::int32_t>(i * i * 31 % 1000003));
    }
    for (std::int64_t t = 0; t < tokens; ++t) {
      slots.push_back(t % 5 == 3 ? -1 : (t * 7 + 3) % 64);
    }
    args.qkv = qkv.view();
    args.q_norm = weight.data();
    args.k_norm = weight.data();
    args.positions = positions.data();
    args.rope = {inv_freq.data(), axis.data(), 1.1F};
    args.slots = slots;
    args.kv = {k.bytes.data(), v.bytes.data(), type, 4, 16, kv_heads, d};
    args.q = q.view();
  }
  Tensor qkv, k, v, q;
  std::vector<float> weight, inv_freq;
  std::vector<std::uint8_t> axis;
  std::vector<std::int32_t> positions;
  std::vector<std::int64_t> slots;
  RopeAppendArgs args;
};

TEST_P(RowVerbs, RopeAppendMatchesTheReferenceUpToAMillion) {
  Context context(3, false, isa());
  for (const DType type : {DType::kF32, DType::kBF16}) {
    for (const std::int64_t tokens : {1, 9, 50}) {
      for (const int d : {16, 64, 128, 20}) {
        RopeProblem got(tokens, 4, 2, d, type);
        RopeProblem want(tokens, 4, 2, d, type);
        rope_append(context, got.args);
        reference::rope_append(want.args);
        expect_close(got.q, want.q);
        expect_close(got.k, want.k);
        expect_close(got.v, want.v, 0.0F);
      }
    }
  }
}

// Values are quantised as they came: to the bit. Keys were rotated in other arithmetic first, so
// one on the edge between two codes may take either.
TEST_P(RowVerbs, RopeAppendQuantisesTheCache) {
  Context context(3, false, isa());
  for (const int d : {16, 20, 64, 128}) {
    struct Int8Cache {
      std::vector<std::int8_t> k, v;
      std::vector<float> k_scale, v_scale;
    };
    Int8Cache caches[2];
    for (Int8Cache& cache : caches) {
      RopeProblem problem(50, 4, 2, d, DType::kF32);
      const auto rows = static_cast<std::size_t>(4 * 2 * 16);
      cache.k.assign(rows * static_cast<std::size_t>(d), 99);
      cache.v = cache.k;
      cache.k_scale.assign(rows, -1.0F);
      cache.v_scale = cache.k_scale;
      std::memset(problem.qkv.bytes.data(), 0, static_cast<std::size_t>(8 * d) * sizeof(float));
      problem.args.kv = {cache.k.data(),       cache.v.data(),      DType::kI8, 4, 16, 2, d,
                         cache.k_scale.data(), cache.v_scale.data()};
      if (&cache == caches) {
        rope_append(context, problem.args);
      } else {
        reference::rope_append(problem.args);
      }
    }
    EXPECT_EQ(caches[0].v, caches[1].v);
    EXPECT_EQ(caches[0].v_scale, caches[1].v_scale);
    for (std::size_t i = 0; i < caches[0].k.size(); ++i) {
      ASSERT_NEAR(caches[0].k[i], caches[1].k[i], 1) << i;
    }
    for (std::size_t i = 0; i < caches[0].k_scale.size(); ++i) {
      ASSERT_NEAR(caches[0].k_scale[i], caches[1].k_scale[i], 1e-5F) << i;
    }
  }
}

TEST_P(RowVerbs, EmbedReadsEveryFormatAndMedia) {
  Context context(2, false, isa());
  const std::int64_t cols = 83;
  const std::vector<float> source = noise(static_cast<std::size_t>(11 * cols), 9);
  for (const FormatInfo& format : formats()) {
    std::vector<std::byte> data(format.data_bytes(11, cols));
    std::vector<std::uint32_t> aux((format.aux_bytes(11, cols) + 3) / 4);
    for (std::int64_t r = 0; r < 11; ++r) {
      format.pack_row(source.data() + r * cols, r, 11, cols, data.data(), aux.data());
    }
    for (const DType media_type : {DType::kF32, DType::kBF16}) {
      Tensor media(media_type, 2, cols, 10);
      const std::vector<std::int32_t> ids{10, 0, 3, 3, 5};
      const std::vector<std::int32_t> media_row{-1, -1, 1, -1, 0};
      Tensor got(DType::kF32, 5, cols);
      Tensor want(DType::kF32, 5, cols);
      EmbedArgs args{ids,
                     media_row.data(),
                     {data.data(), aux.data(), format.format, 11, cols},
                     media.view(),
                     got.view()};
      embed(context, args);
      args.y = want.view();
      reference::embed(args);
      expect_close(got, want, 0.0F);
      args.media_row = nullptr;
      args.media = {};
      reference::embed(args);
      args.y = got.view();
      embed(context, args);
      expect_close(got, want, 0.0F);
    }
  }
}

TEST_P(RowVerbs, AddGatherAndBlend) {
  Context context(2, false, isa());
  for (const DType type : {DType::kF32, DType::kBF16}) {
    Tensor source(type, 6, 101, 12);
    const std::vector<std::int32_t> row{2, -1, 5, 0};
    Tensor got(DType::kF32, 4, 101, 13);
    Tensor want(DType::kF32, 4, 101, 13);
    add_rows(context, {row, source.view(), got.view()});
    reference::add_rows({row, source.view(), want.view()});
    expect_close(got, want, 1e-6F);
    const std::vector<std::int32_t> pick{3, 3, 1};
    Tensor taken(DType::kF32, 3, 101);
    gather_rows(context, {pick, got.view(), taken.view()});
    EXPECT_EQ(0,
              std::memcmp(taken.bytes.data() + 2 * 101 * 4, got.bytes.data() + 101 * 4, 101 * 4));
    const std::vector<std::int32_t> index{0, 1, 2, 3, 5, 5, 5, 5, 4, 3, 2, 1, 0, 0, 0, 0};
    const std::vector<float> weight = noise(16, 14);
    const WeightView table{source.bytes.data(), nullptr,
                           type == DType::kF32 ? QuantFormat::kF32 : QuantFormat::kBF16, 6, 101};
    blend_rows(context, {index.data(), weight.data(), table, got.view()});
    reference::blend_rows({index.data(), weight.data(), table, want.view()});
    expect_close(got, want, 2e-6F);
  }
}

TEST_P(RowVerbs, PixelsAreLookedUp) {
  Context context(2, false, isa());
  std::vector<std::uint8_t> pixels(5 * 3 * 2 * 7);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>(i * 37);
  }
  const std::vector<float> values = noise(3 * 256, 15);
  for (const std::int32_t stored : {1, 2}) {
    Tensor got(DType::kF32, 5, 3 * 3 * 7);
    Tensor want(DType::kF32, 5, 3 * 3 * 7);
    expand_pixels(context, {pixels.data(), values.data(), 3, stored, 3, 7, got.view()});
    reference::expand_pixels({pixels.data(), values.data(), 3, stored, 3, 7, want.view()});
    EXPECT_EQ(0, std::memcmp(got.bytes.data(), want.bytes.data(), 5 * 3 * 3 * 7 * 4));
  }
}

TEST_P(RowVerbs, SampleIsTheReferencesInBothPaths) {
  Context context(2, false, isa());
  RowSampler sampler(context.pool().size());
  for (const std::int32_t vocab : {1, 7, 64, 1000, 5003}) {
    Tensor logits(DType::kF32, 4, vocab + 3, 15);
    const float specials[] = {std::numeric_limits<float>::quiet_NaN(),
                              -std::numeric_limits<float>::infinity()};
    if (vocab > 64) {
      std::memcpy(logits.bytes.data() + 20, specials, sizeof(specials));
    }
    std::vector<SampleRow> rows(4);
    rows[1].temperature = 0.8F;
    rows[1].top_k = 20;
    rows[1].seed = 5;
    rows[2].top_logprobs = 3;
    rows[3].frequency_penalty = 1.0F;  // nothing seen yet: stays greedy
    std::vector<SampledToken> got(4);
    std::vector<SampledToken> want(4);
    sampler.sample(context, {logits.view(), vocab, rows, got});
    reference::sample({logits.view(), vocab, rows, want});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(got[i].id, want[i].id) << "row " << i;
      EXPECT_NEAR(got[i].logprob, want[i].logprob, 2e-5F);
    }
  }
}

TEST_P(RowVerbs, GreedyTakesTheFirstOfEqualAndSurvivesInfinity) {
  Context context(1, false, isa());
  RowSampler sampler(1);
  constexpr float kInf = std::numeric_limits<float>::infinity();
  std::vector<float> logits(100, -kInf);
  const auto one = [&] {
    std::vector<SampleRow> rows(1);
    std::vector<SampledToken> out(1);
    sampler.sample(context, {ConstTensorView(logits.data(), DType::kF32, 1, 100), 100, rows, out});
    return out[0];
  };
  EXPECT_EQ(one().id, -1);
  logits[70] = logits[33] = 2.0F;
  EXPECT_EQ(one().id, 33);
  EXPECT_NEAR(one().logprob, -std::log(2.0F), 1e-6F);
  logits[90] = kInf;
  EXPECT_EQ(one().id, 90);
  EXPECT_FLOAT_EQ(one().logprob, 0.0F);
}

INSTANTIATE_TEST_SUITE_P(Isa, RowVerbs, testing::ValuesIn(tested_isas()),
                         [](const auto& param) { return std::string(isa_name(param.param)); });

}  // namespace
}  // namespace monocle::cpu
