// SPDX-License-Identifier: Apache-2.0
// The oracle cannot be tested against itself: here it meets hand-computed values and laws of the
// mathematics.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <random>
#include <vector>

#include "ops/reference/reference_backend.h"
#include "ops/reference/verbs.h"

namespace monocle {
namespace {

using Floats = std::vector<float>;

TensorView view(Floats& values, std::int64_t rows) {
  return {values.data(), DType::kF32, rows, static_cast<std::int64_t>(values.size()) / rows};
}
ConstTensorView view(const Floats& values, std::int64_t rows) {
  return {values.data(), DType::kF32, rows, static_cast<std::int64_t>(values.size()) / rows};
}
WeightView weight(const Floats& values, std::int64_t rows) {
  return {values.data(), nullptr, QuantFormat::kF32, rows,
          static_cast<std::int64_t>(values.size()) / rows};
}
Floats random_floats(std::size_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  Floats out(count);
  for (float& value : out) {
    value = normal(engine);
  }
  return out;
}
void expect_near(const Floats& actual, const Floats& expected, float tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], tolerance) << i;
  }
}

TEST(ReferenceLinear, PartsBiasAndResidualInPlace) {
  const Floats x{1, 2, 3, 4};
  const Floats first{1, 0, 0, 1};
  const Floats second{1, 1};
  const Floats bias{10, 20, 30};
  Floats y{100, 100, 100, 200, 200, 200};
  LinearArgs args;
  args.x = view(x, 2);
  args.w = {{weight(first, 2), weight(second, 1)}, 2};
  args.bias = bias.data();
  args.y = view(y, 2);
  args.residual = args.y;
  reference::linear(args);
  EXPECT_EQ(y, (Floats{111, 122, 133, 213, 224, 237}));
}

TEST(ReferenceLinear, Epilogues) {
  const Floats x{1, -2};
  const Floats one{1};
  const Floats three{3};
  Floats y(2);
  LinearArgs args;
  args.x = view(x, 2);
  args.w = {{weight(one, 1)}, 1};
  args.y = view(y, 2);
  args.epilogue = Epilogue::kGeluTanh;
  reference::linear(args);
  expect_near(y, {0.8411920F, -0.0454023F}, 1e-6F);
  args.epilogue = Epilogue::kGeluErf;
  reference::linear(args);
  expect_near(y, {0.8413447F, -0.0455003F}, 1e-6F);
  args.epilogue = Epilogue::kSwiGlu;
  args.w = {{weight(one, 1), weight(three, 1)}, 2};
  reference::linear(args);
  expect_near(y, {0.7310586F * 3, -2 * 0.1192029F * -6}, 1e-6F);
}

struct Int8Case {
  Int8Case(std::int64_t rows, std::int64_t cols) : data(static_cast<std::size_t>(rows * cols)) {
    const FormatInfo& info = format_info(QuantFormat::kInt8Channel);
    aux.resize(info.aux_bytes(rows, cols) / sizeof(float));
    const Floats source = random_floats(data.size(), 4);
    for (std::int64_t r = 0; r < rows; ++r) {
      info.pack_row(source.data() + r * cols, r, rows, cols, data.data(), aux.data());
    }
    view = {data.data(), aux.data(), QuantFormat::kInt8Channel, rows, cols};
  }
  std::vector<std::int8_t> data;
  Floats aux;
  WeightView view;
};

TEST(ReferenceW8A8, IsExactWhereTheActivationsAreMultiplesOfTheirScale) {
  const Int8Case w(5, 64);
  Floats x(64);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(static_cast<int>(i * 37 % 255) - 127) * 0.5F;
  }
  x[0] = 63.5F;  // 127 steps of one half
  Floats exact(5);
  Floats quantised(5);
  LinearArgs args;
  args.x = view(x, 1);
  args.w = {{w.view}, 1};
  args.y = view(exact, 1);
  reference::linear(args);
  args.y = view(quantised, 1);
  reference::linear_w8a8(args);
  expect_near(quantised, exact, 1e-3F);
}

TEST(ReferenceW8A8, StaysWithinHalfAStepOfEachActivation) {
  const Int8Case w(7, 300);
  const Floats x = random_floats(900, 8);
  Floats exact(21);
  Floats quantised(21);
  LinearArgs args;
  args.x = view(x, 3);
  args.w = {{w.view}, 1};
  args.y = view(exact, 3);
  reference::linear(args);
  args.y = view(quantised, 3);
  reference::linear_w8a8(args);
  Floats row(300);
  for (std::int64_t i = 0; i < 3; ++i) {
    float amax = 0.0F;
    for (std::size_t c = 0; c < 300; ++c) {
      amax = std::max(amax, std::fabs(x[static_cast<std::size_t>(i) * 300 + c]));
    }
    for (std::int64_t j = 0; j < 7; ++j) {
      format_info(QuantFormat::kInt8Channel).unpack_row(w.view, j, row.data());
      float sum = 0.0F;
      for (const float value : row) {
        sum += std::fabs(value);
      }
      const auto at = static_cast<std::size_t>(i * 7 + j);
      EXPECT_LE(std::fabs(quantised[at] - exact[at]), 0.501F * amax / 127.0F * sum);
      EXPECT_NE(quantised[at], exact[at]);
    }
  }
}

TEST(ReferenceW8A8, RoundsHalfToEvenAndAllowsZeroRows) {
  const std::vector<std::int8_t> data{1, 1, 1, 1};
  Floats aux{1.0F, 0.0F};  // scale 1; the row sum is not used here
  const Floats x{127.0F, 0.5F, 1.5F, -2.5F, 0, 0, 0, 0};
  Floats y(2);
  LinearArgs args;
  args.x = view(x, 2);
  args.w = {{WeightView{data.data(), aux.data(), QuantFormat::kInt8Channel, 1, 4}}, 1};
  args.y = view(y, 2);
  reference::linear_w8a8(args);
  EXPECT_EQ(y, (Floats{127 + 0 + 2 - 2, 0}));
}

TEST(ReferenceNorm, KnownValues) {
  const Floats x{3, 4};
  const Floats w{1, 2};
  const Floats b{10, 20};
  Floats y(2);
  NormArgs args{NormKind::kRms, view(x, 1), w.data(), nullptr, 1e-12F, view(y, 1)};
  reference::norm(args);
  expect_near(y, {3 / std::sqrt(12.5F), 8 / std::sqrt(12.5F)}, 1e-6F);
  args.kind = NormKind::kLayer;
  args.bias = b.data();
  reference::norm(args);
  expect_near(y, {10 - 1, 20 + 2}, 1e-5F);
  args.eps = 0.75F;  // variance 0.25
  reference::norm(args);
  expect_near(y, {10 - 0.5F, 20 + 1}, 1e-5F);
}

TEST(ReferenceRows, EmbedAddGatherBlend) {
  const Floats table{1, 2, 3, 4, 5, 6};
  const Floats media{70, 80};
  Floats y(4);
  const std::vector<std::int32_t> ids{2, 0};
  const std::vector<std::int32_t> media_row{-1, 0};
  reference::embed({ids, media_row.data(), weight(table, 3), view(media, 1), view(y, 2)});
  EXPECT_EQ(y, (Floats{5, 6, 70, 80}));
  reference::add_rows({media_row, view(media, 1), view(y, 2)});
  EXPECT_EQ(y, (Floats{5, 6, 140, 160}));
  reference::gather_rows({ids, view(table, 3), view(y, 2)});
  EXPECT_EQ(y, (Floats{5, 6, 1, 2}));
  const std::vector<std::int32_t> index{0, 1, 2, 0};
  const Floats weights{0.5F, 0.25F, 0.25F, 0};
  Floats blended{100, 200};
  reference::blend_rows({index.data(), weights.data(), weight(table, 3), view(blended, 1)});
  EXPECT_EQ(blended, (Floats{100 + 0.5F + 0.75F + 1.25F, 200 + 1 + 1 + 1.5F}));
}

// One token, one head of four channels, positions (t, h, w).
struct RopeResult {
  Floats q, k, v;
};
RopeResult rope(const Floats& qkv, std::vector<std::int32_t> positions, float scale) {
  const Floats ones(4, 1.0F);
  const Floats inv_freq{1.0F, 0.5F};
  const std::vector<std::uint8_t> axis{1, 2};
  const std::vector<std::int64_t> slots{5};
  RopeResult out{Floats(4), Floats(8 * 4), Floats(8 * 4)};
  RopeAppendArgs args;
  args.qkv = view(qkv, 1);
  args.q_norm = ones.data();
  args.k_norm = ones.data();
  args.eps = 1e-12F;
  args.positions = positions.data();
  args.rope = {inv_freq.data(), axis.data(), scale};
  args.slots = slots;
  args.kv = {out.k.data(), out.v.data(), DType::kF32, 2, 4, 1, 4};
  args.q = view(out.q, 1);
  reference::rope_append(args);
  return out;
}

TEST(ReferenceRope, RotatesPairsHalfAHeadApartByTheirAxis) {
  const Floats qkv{2, 0, 0, 0, 0, 2, 0, 0, 7, 8, 9, 10};  // RMS 1 each: only the rotation shows
  const RopeResult out = rope(qkv, {1000, 2, 3}, 1.0F);
  expect_near(out.q, {2 * std::cos(2.0F), 0, 2 * std::sin(2.0F), 0}, 1e-6F);
  const Floats k(out.k.begin() + 20, out.k.begin() + 24);  // slot 5 = block 1, token 1
  expect_near(k, {0, 2 * std::cos(1.5F), 0, 2 * std::sin(1.5F)}, 1e-6F);
  EXPECT_EQ(Floats(out.v.begin() + 20, out.v.begin() + 24), (Floats{7, 8, 9, 10}));
  EXPECT_EQ(Floats(out.v.begin(), out.v.begin() + 20), Floats(20, 0.0F));
}

TEST(ReferenceRope, NormalisesFirstAndScalesTheRotation) {
  const Floats qkv{6, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0};
  const RopeResult out = rope(qkv, {0, 0, 0}, 1.5F);
  expect_near(out.q, {3, 0, 0, 0}, 1e-5F);
}

// With q = 0 every visible key weighs the same, so y is the mean of the visible values: value of
// position p is 2^p.
float visible_sum(std::int32_t context, std::int32_t queries, std::int32_t row, std::int32_t window,
                  std::int32_t sinks) {
  const std::vector<std::int32_t> table{3, 0, 2, 1};
  Floats k(4 * 4);
  Floats v(4 * 4);
  for (std::int32_t p = 0; p < context; ++p) {
    v[static_cast<std::size_t>(table[static_cast<std::size_t>(p / 4)] * 4 + p % 4)] =
        std::exp2(static_cast<float>(p));
  }
  Floats q(static_cast<std::size_t>(queries));
  Floats y(q.size());
  const std::vector<std::int32_t> query_start{0, queries};
  const std::vector<std::int32_t> contexts{context};
  AttendPagedArgs args;
  args.q = view(q, queries);
  args.kv = {k.data(), v.data(), DType::kF32, 4, 4, 1, 1};
  args.heads = 1;
  args.query_start = query_start;
  args.context = contexts;
  args.block_table = table.data();
  args.max_blocks = 4;
  args.window = window;
  args.sinks = sinks;
  args.y = view(y, queries);
  reference::attend_paged(args);
  return y[static_cast<std::size_t>(row)];
}

TEST(ReferenceAttendPaged, SeesExactlyTheKeysOfItsDefinition) {
  const auto mean = [](std::initializer_list<int> positions) {
    float sum = 0.0F;
    for (const int p : positions) {
      sum += std::exp2(static_cast<float>(p));
    }
    return sum / static_cast<float>(positions.size());
  };
  EXPECT_FLOAT_EQ(visible_sum(1, 1, 0, 0, 0), mean({0}));
  EXPECT_FLOAT_EQ(visible_sum(6, 1, 0, 0, 0), mean({0, 1, 2, 3, 4, 5}));
  EXPECT_FLOAT_EQ(visible_sum(6, 3, 0, 0, 0), mean({0, 1, 2, 3}));
  EXPECT_FLOAT_EQ(visible_sum(6, 6, 0, 0, 0), mean({0}));
  EXPECT_FLOAT_EQ(visible_sum(13, 2, 1, 3, 0), mean({10, 11, 12}));
  EXPECT_FLOAT_EQ(visible_sum(13, 2, 0, 3, 2), mean({0, 1, 9, 10, 11}));
  EXPECT_FLOAT_EQ(visible_sum(13, 13, 1, 3, 5), mean({0, 1}));
  EXPECT_FLOAT_EQ(visible_sum(13, 1, 0, 1, 0), mean({12}));
}

TEST(ReferenceAttendPaged, SoftmaxAndGroupedHeads) {
  const Floats k{1, -1, 2, 0};  // [1 block][2 kv heads][2 tokens][1]
  const Floats v{10, 20, 30, 40};
  const Floats q{1, 2, 1, 2};  // 4 heads, groups of two
  Floats y(4);
  const std::vector<std::int32_t> query_start{0, 1};
  const std::vector<std::int32_t> context{2};
  const std::int32_t table = 0;
  AttendPagedArgs args;
  args.q = view(q, 1);
  args.kv = {const_cast<float*>(k.data()), const_cast<float*>(v.data()), DType::kF32, 1, 2, 2, 1};
  args.heads = 4;
  args.scale = 0.5F;
  args.query_start = query_start;
  args.context = context;
  args.block_table = &table;
  args.max_blocks = 1;
  args.y = view(y, 1);
  reference::attend_paged(args);
  const auto blend = [](float score, float a, float b) {
    return (std::exp(score) * a + b) / (std::exp(score) + 1);
  };
  expect_near(y, {blend(1, 10, 20), blend(2, 10, 20), blend(1, 30, 40), blend(2, 30, 40)}, 1e-5F);
}

// Two segments of random patches at the given offset of rows and columns.
Floats packed(std::int32_t row_offset, std::int32_t col_offset, float turn) {
  constexpr std::int32_t kPatches = 7;
  Floats qkv = random_floats(std::size_t{kPatches} * 3 * 8, 6);
  const Floats inv_freq{turn, turn * 0.3F};
  std::vector<std::int32_t> row;
  std::vector<std::int32_t> col;
  for (std::int32_t i = 0; i < kPatches; ++i) {
    row.push_back(i / 2 + row_offset);
    col.push_back(i % 2 + col_offset);
  }
  const std::vector<std::int32_t> segments{0, 3, 3, 7};
  Floats y(std::size_t{kPatches} * 8);
  AttendPackedArgs args;
  args.qkv = view(qkv, kPatches);
  args.heads = 1;
  args.head_dim = 8;
  args.row = row;
  args.col = col;
  args.inv_freq = inv_freq.data();
  args.segments = segments;
  args.y = view(y, kPatches);
  reference::attend_packed(args);
  return y;
}

TEST(ReferenceAttendPacked, OnlyRelativePositionsMatterAndBothAxesDo) {
  const Floats base = packed(0, 0, 0.7F);
  expect_near(packed(11, 0, 0.7F), base, 1e-5F);
  expect_near(packed(0, 5, 0.7F), base, 1e-5F);
  const Floats still = packed(0, 0, 0.0F);
  float difference = 0.0F;
  for (std::size_t i = 0; i < base.size(); ++i) {
    difference = std::max(difference, std::fabs(base[i] - still[i]));
  }
  EXPECT_GT(difference, 0.05F);
}

TEST(ReferenceAttendPacked, SegmentsDoNotSeeEachOther) {
  Floats qkv(3 * 3 * 4);  // q = k = 0: y is the mean of the segment's values
  for (std::size_t patch = 0; patch < 3; ++patch) {
    qkv[patch * 12 + 8] = static_cast<float>(patch + 1);
  }
  const Floats inv_freq{1.0F};
  const std::vector<std::int32_t> zero(3, 0);
  const std::vector<std::int32_t> segments{0, 2, 3};
  Floats y(12);
  AttendPackedArgs args;
  args.qkv = view(qkv, 3);
  args.heads = 1;
  args.head_dim = 4;
  args.row = zero;
  args.col = zero;
  args.inv_freq = inv_freq.data();
  args.segments = segments;
  args.y = view(y, 3);
  reference::attend_packed(args);
  EXPECT_EQ((Floats{y[0], y[4], y[8]}), (Floats{1.5F, 1.5F, 3.0F}));
}

TEST(ReferenceBackend, MemoryIsAlignedZeroedAndHonestAboutItsLimit) {
  ReferenceBackend backend;
  for (const std::size_t bytes : {0U, 1U, 64U, 1000U}) {
    const Result<void*> memory = backend.memory().allocate(bytes);
    ASSERT_TRUE(memory.has_value());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(*memory) % 64, 0U);
    for (std::size_t i = 0; i < bytes; ++i) {
      ASSERT_EQ(static_cast<const char*>(*memory)[i], 0);
    }
    backend.memory().release(*memory);
  }
  const Result<void*> all = backend.memory().allocate(SIZE_MAX - 5);
  ASSERT_FALSE(all.has_value());
  EXPECT_EQ(all.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(all.error().message.find(std::to_string(SIZE_MAX - 5)), std::string::npos);
}

}  // namespace
}  // namespace monocle
