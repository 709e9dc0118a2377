// SPDX-License-Identifier: Apache-2.0
#include "cpu/attend_packed.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cpu/test_isa.h"
#include "ops/reference/verbs.h"

namespace monocle::cpu {
namespace {

struct Case {
  std::string name;
  std::vector<std::int32_t> segments;  // ends; the first begins at 0
  int heads = 2;
  int head_dim = 64;
  float spread = 1.0F;  // of q and k: large ones make sharp softmaxes with far apart block maxima
};

struct Problem {
  explicit Problem(const Case& shape, DType y_type)
      : heads(shape.heads), head_dim(shape.head_dim), type(y_type) {
    std::mt19937 random(11);
    std::normal_distribution<float> normal;
    segments.push_back(0);
    segments.insert(segments.end(), shape.segments.begin(), shape.segments.end());
    const auto n = static_cast<std::size_t>(segments.back());
    const auto part = static_cast<std::size_t>(heads * head_dim);
    qkv.resize(n * 3 * part);
    for (std::size_t i = 0; i < qkv.size(); ++i) {
      qkv[i] = normal(random) * (i % (3 * part) < 2 * part ? shape.spread : 1.0F);
    }
    for (std::size_t i = 0; i < n; ++i) {
      row.push_back(static_cast<std::int32_t>(i / 7 % 50));
      col.push_back(static_cast<std::int32_t>(i % 7));
    }
    for (int c = 0; c < head_dim / 4; ++c) {
      inv_freq.push_back(
          std::pow(10000.0F, -4.0F * static_cast<float>(c) / static_cast<float>(head_dim)));
    }
    y.resize(n * part * dtype_size(type));
  }

  AttendPackedArgs args() {
    AttendPackedArgs out;
    const auto n = static_cast<std::int64_t>(row.size());
    out.qkv = TensorView(qkv.data(), DType::kF32, n, std::int64_t{3} * heads * head_dim);
    out.heads = heads;
    out.head_dim = head_dim;
    out.row = row;
    out.col = col;
    out.inv_freq = inv_freq.data();
    out.segments = segments;
    out.scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
    out.y = TensorView(y.data(), type, n, std::int64_t{heads} * head_dim);
    return out;
  }

  [[nodiscard]] float at(std::size_t i) const {
    if (type == DType::kF32) {
      float value;
      std::memcpy(&value, y.data() + i * 4, 4);
      return value;
    }
    std::uint16_t bits;
    std::memcpy(&bits, y.data() + i * 2, 2);
    return bf16_to_float(bits);
  }

  int heads;
  int head_dim;
  DType type;
  std::vector<std::int32_t> segments, row, col;
  std::vector<float> qkv, inv_freq;
  std::vector<std::byte> y;
};

class AttendPacked : public testing::TestWithParam<std::tuple<Isa, Case>> {
 protected:
  void SetUp() override {
    if (!isa_supported(isa())) {
      GTEST_SKIP() << "this machine has no " << isa_name(isa());
    }
  }
  static Isa isa() { return std::get<0>(GetParam()); }
  static const Case& shape() { return std::get<1>(GetParam()); }

  // Largest error, as a share of what is allowed.
  static void check(DType type, float tolerance) {
    Problem want(shape(), DType::kF32);
    Problem got(shape(), type);
    reference::attend_packed(want.args());
    Context context(2, false, isa());
    attend_packed(context, got.args());
    for (std::size_t i = 0; i < want.y.size() / 4; ++i) {
      ASSERT_NEAR(got.at(i), want.at(i), tolerance * (1.0F + std::fabs(want.at(i))))
          << "element " << i;
    }
  }
};

// Sums of up to a thousand products of size `spread`, in float.
TEST_P(AttendPacked, FloatMatchesTheReference) {
  check(DType::kF32, 4e-6F * std::max(1.0F, shape().spread * shape().spread));
}

// q and k are rounded to 8 bits: an error of 2^-9 each, spread by the sum over head_dim, shifts a
// score by about spread² 2^-8, and P with it; V, P and y are rounded once more.
TEST_P(AttendPacked, Bf16IsWithinItsRounding) {
  check(DType::kBF16, 0x1p-7F * 1.5F * std::max(1.0F, shape().spread * shape().spread));
}

TEST_P(AttendPacked, ThreadsDoNotChangeABit) {
  for (const DType type : {DType::kF32, DType::kBF16}) {
    Problem one(shape(), type);
    Problem three(shape(), type);
    Context context1(1, false, isa());
    Context context3(3, false, isa());
    attend_packed(context1, one.args());
    attend_packed(context3, three.args());
    attend_packed(context3, three.args());
    EXPECT_EQ(one.y, three.y);
  }
}

const Case kCases[] = {
    {"One", {1}},
    {"Prime", {37}},
    {"Dim72", {150}, 3, 72},
    {"Dim16", {33}, 2, 16},
    {"BlockMinusOne", {127}},
    {"Block", {128}},
    {"BlockPlusOne", {129}},
    {"SegmentsOfOne", {1, 2, 3, 4}},
    {"EmptySegments", {0, 5, 5, 40, 40}},
    {"Several", {16, 17, 300, 331, 700}},
    {"Sharp", {400}, 2, 64, 3.0F},
    {"Long", {1024}, 1, 64},
    {"Empty", {0}},
};

INSTANTIATE_TEST_SUITE_P(Isa, AttendPacked,
                         testing::Combine(testing::ValuesIn(tested_isas()),
                                          testing::ValuesIn(kCases)),
                         [](const auto& param) {
                           return std::string(isa_name(std::get<0>(param.param))) + "_" +
                                  std::get<1>(param.param).name;
                         });

}  // namespace
}  // namespace monocle::cpu
