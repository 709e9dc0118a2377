// SPDX-License-Identifier: Apache-2.0
#include "quant/format.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

#include "base/dtype.h"
#include "quant/fp8_channel.h"
#include "quant/int4_group.h"
#include "quant/int8_channel.h"

namespace monocle {
namespace {

class EveryFormat : public testing::TestWithParam<QuantFormat> {};

TEST_P(EveryFormat, UnpackOfPackStaysInsideTheErrorBound) {
  const FormatInfo& info = format_info(GetParam());
  std::mt19937 random(7);
  for (const std::int64_t cols : {1, 3, 64, 257}) {
    const std::int64_t rows = 5;
    std::vector<std::byte> data(info.data_bytes(rows, cols));
    std::vector<float> aux((info.aux_bytes(rows, cols) + 3) / 4);
    std::vector<std::vector<float>> source;
    for (std::int64_t r = 0; r < rows; ++r) {
      std::normal_distribution<float> normal(0.0F, std::pow(10.0F, static_cast<float>(r - 2)));
      std::vector<float>& row = source.emplace_back(static_cast<std::size_t>(cols));
      for (float& value : row) {
        value = r == 4 ? 0.0F : normal(random);
      }
      info.pack_row(row.data(), r, rows, cols, data.data(), aux.data());
    }
    const WeightView view{data.data(), aux.data(), GetParam(), rows, cols};
    std::vector<float> back(static_cast<std::size_t>(cols));
    for (std::int64_t r = 0; r < rows; ++r) {
      const auto& row = source[static_cast<std::size_t>(r)];
      float amax = 0.0F;
      for (const float value : row) {
        amax = std::max(amax, std::fabs(value));
      }
      info.unpack_row(view, r, back.data());
      for (std::size_t c = 0; c < back.size(); ++c) {
        ASSERT_LE(std::fabs(back[c] - row[c]), info.error_bound(amax))
            << info.name << " row " << r << " col " << c;
      }
    }
  }
}

TEST_P(EveryFormat, IsFoundByItsName) {
  const FormatInfo& info = format_info(GetParam());
  ASSERT_NE(find_format(info.name), nullptr);
  EXPECT_EQ(find_format(info.name)->format, GetParam());
}

std::vector<QuantFormat> all_formats() {
  std::vector<QuantFormat> all;
  for (const FormatInfo& info : formats()) {
    all.push_back(info.format);
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Registry, EveryFormat, testing::ValuesIn(all_formats()),
                         [](const auto& param) {
                           return std::string(format_info(param.param).name);
                         });

// The bytes that kernels multiply stand for the same floats.
TEST_P(EveryFormat, Int8RowsTimesTheScaleAreTheRow) {
  const FormatInfo& info = format_info(GetParam());
  if (info.unpack_int8 == nullptr) {
    GTEST_SKIP() << info.name << " has no int8 rows";
  }
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  for (const std::int64_t cols : {1, 31, 128, 300}) {
    for (const std::int64_t rows : {1, 16, 19}) {
      std::vector<std::byte> data(info.data_bytes(rows, cols));
      std::vector<float> aux(info.aux_bytes(rows, cols) / sizeof(float));
      std::vector<float> row(static_cast<std::size_t>(cols));
      for (std::int64_t r = 0; r < rows; ++r) {
        for (float& value : row) {
          value = normal(random);
        }
        info.pack_row(row.data(), r, rows, cols, data.data(), aux.data());
      }
      const WeightView view{data.data(), aux.data(), GetParam(), rows, cols};
      ASSERT_TRUE(info.aux_valid(view));
      std::vector<std::int8_t> codes(row.size());
      for (std::int64_t r = 0; r < rows; ++r) {
        info.unpack_row(view, r, row.data());
        info.unpack_int8(view, r, codes.data());
        std::int32_t sum = 0;
        for (std::size_t c = 0; c < row.size(); ++c) {
          ASSERT_EQ(row[c], int8_scales(view)[r] * static_cast<float>(codes[c]));
          sum += codes[c];
        }
        ASSERT_EQ(int8_row_sums(view)[r], sum);
      }
    }
  }
}

TEST(Formats, UnknownNameIsNull) { EXPECT_EQ(find_format("int3"), nullptr); }

TEST(Int8Channel, RowSumsMatchTheStoredBytes) {
  const std::vector<float> row{1.0F, -2.0F, 0.5F, 2.0F};
  std::vector<std::int8_t> data(4);
  std::vector<float> aux(2);
  kInt8ChannelInfo.pack_row(row.data(), 0, 1, 4, data.data(), aux.data());
  const WeightView view{data.data(), aux.data(), QuantFormat::kInt8Channel, 1, 4};
  EXPECT_EQ(int8_row_sums(view)[0], data[0] + data[1] + data[2] + data[3]);
  EXPECT_EQ(data[1], -127);
}

TEST(Int8Channel, RoundsToNearestEven) {
  // amax 127 makes the scale 1: the stored bytes are the rounded values.
  const std::vector<float> row{127.0F, 0.5F, 1.5F, -0.5F, -2.5F, 126.5F, 2.4999998F, -127.0F};
  const std::vector<int> expected{127, 0, 2, 0, -2, 126, 2, -127};
  std::vector<std::int8_t> data(row.size());
  std::vector<float> aux(2);
  kInt8ChannelInfo.pack_row(row.data(), 0, 1, 8, data.data(), aux.data());
  EXPECT_EQ(std::vector<int>(data.begin(), data.end()), expected);
}

TEST(Int8Channel, RowsWithoutAScaleAreInvalid) {
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    const std::vector<float> rows{1.0F, 2.0F, 3.0F, bad};
    std::vector<std::int8_t> data(4);
    std::vector<float> aux(4);
    const WeightView view{data.data(), aux.data(), QuantFormat::kInt8Channel, 2, 2};
    kInt8ChannelInfo.pack_row(rows.data(), 0, 2, 2, data.data(), aux.data());
    EXPECT_TRUE(kInt8ChannelInfo.aux_valid(view));
    kInt8ChannelInfo.pack_row(rows.data() + 2, 1, 2, 2, data.data(), aux.data());
    EXPECT_FALSE(kInt8ChannelInfo.aux_valid(view)) << bad;
  }
}

TEST(Int8Channel, SubnormalRowsStayInRange) {
  const std::vector<float> row{1e-45F, -1e-44F, 0.0F};
  std::vector<std::int8_t> data(3);
  std::vector<float> aux(2);
  kInt8ChannelInfo.pack_row(row.data(), 0, 1, 3, data.data(), aux.data());
  EXPECT_GE(data[1], -127);
  EXPECT_TRUE(
      kInt8ChannelInfo.aux_valid({data.data(), aux.data(), QuantFormat::kInt8Channel, 1, 3}));
}

// A row whose largest is 448 has the scale 1: the codes are those of the numbers.
std::vector<std::uint8_t> fp8_codes(std::vector<float> row) {
  row.push_back(448.0F);
  const auto cols = static_cast<std::int64_t>(row.size());
  std::vector<std::uint8_t> data(row.size());
  float scale = 0.0F;
  kFp8ChannelInfo.pack_row(row.data(), 0, 1, cols, data.data(), &scale);
  EXPECT_EQ(scale, 1.0F);
  EXPECT_EQ(data.back(), 0x7e);
  data.pop_back();
  return data;
}

TEST(Fp8Channel, EveryValueSurvivesARoundTrip) {
  std::vector<std::uint8_t> codes;
  std::vector<float> values;
  for (unsigned code = 0; code < 256; ++code) {
    if ((code & 0x7fU) != 0x7fU) {
      codes.push_back(static_cast<std::uint8_t>(code));
      values.push_back(f8_e4m3_to_float(codes.back()));
    }
  }
  EXPECT_EQ(fp8_codes(values), codes);
  const float one = 1.0F;
  std::vector<float> back(codes.size());
  kFp8ChannelInfo.unpack_row(
      {codes.data(), &one, QuantFormat::kFp8Channel, 1, static_cast<std::int64_t>(codes.size())}, 0,
      back.data());
  for (std::size_t i = 0; i < back.size(); ++i) {
    ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(values[i]));
  }
}

// Between all neighbours: below the middle, in it (to the even code) and above, of both signs.
TEST(Fp8Channel, RoundsToNearestEven) {
  for (unsigned code = 0; code < 0x7e; ++code) {
    const float low = f8_e4m3_to_float(static_cast<std::uint8_t>(code));
    const float high = f8_e4m3_to_float(static_cast<std::uint8_t>(code + 1));
    const float middle = (low + high) / 2;
    const std::vector<float> row{std::nextafter(middle, 0.0F), middle, std::nextafter(middle, high),
                                 -middle};
    const auto even = static_cast<std::uint8_t>(code + code % 2);
    const std::vector<std::uint8_t> expected{static_cast<std::uint8_t>(code), even,
                                             static_cast<std::uint8_t>(code + 1),
                                             static_cast<std::uint8_t>(even | 0x80U)};
    ASSERT_EQ(fp8_codes(row), expected) << code;
  }
}

TEST(Fp8Channel, AgreesWithTheScalarConversion) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> exponent(-12.0F, 8.8F);
  std::vector<float> row;
  std::vector<std::uint8_t> expected;
  for (int i = 0; i < 20000; ++i) {
    const float value = (i % 2 == 0 ? 1.0F : -1.0F) * std::exp2(exponent(random));
    row.push_back(value);
    expected.push_back(float_to_f8_e4m3(value));
  }
  EXPECT_EQ(fp8_codes(row), expected);
}

TEST(Fp8Channel, CodesOfNoNumberStaySo) {
  const std::vector<std::uint8_t> codes{0x7f, 0xff};
  const float scale = 2.0F;
  std::vector<float> row(2);
  kFp8ChannelInfo.unpack_row({codes.data(), &scale, QuantFormat::kFp8Channel, 1, 2}, 0, row.data());
  EXPECT_TRUE(std::isnan(row[0]) && std::isnan(row[1]));
}

TEST(Fp8Channel, RowsWithoutAScaleAreInvalid) {
  for (const float bad : {INFINITY, -INFINITY, NAN}) {
    const std::vector<float> rows{1.0F, 2.0F, 3.0F, bad};
    std::vector<std::uint8_t> data(4);
    std::vector<float> aux(2);
    const WeightView view{data.data(), aux.data(), QuantFormat::kFp8Channel, 2, 2};
    kFp8ChannelInfo.pack_row(rows.data(), 0, 2, 2, data.data(), aux.data());
    EXPECT_TRUE(kFp8ChannelInfo.aux_valid(view));
    kFp8ChannelInfo.pack_row(rows.data() + 2, 1, 2, 2, data.data(), aux.data());
    EXPECT_FALSE(kFp8ChannelInfo.aux_valid(view)) << bad;
  }
}

TEST(Fp8Channel, SubnormalRowsStayNumbers) {
  const std::vector<float> row{1e-45F, -1e-44F, 0.0F};
  std::vector<std::uint8_t> data(3);
  float scale = 1.0F;
  const WeightView view{data.data(), &scale, QuantFormat::kFp8Channel, 1, 3};
  kFp8ChannelInfo.pack_row(row.data(), 0, 1, 3, data.data(), &scale);
  EXPECT_TRUE(kFp8ChannelInfo.aux_valid(view));
  std::vector<float> back(3);
  kFp8ChannelInfo.unpack_row(view, 0, back.data());
  for (const float value : back) {
    EXPECT_LE(std::fabs(value), 1e-43F);
  }
}

// 0.3 / 15 = 0.02 a level, and the row's scale makes that a whole step: nothing is rounded.
TEST(Int4Group, SixteenLevelsAreExactWhereTheStepIsWhole) {
  std::vector<float> row(32);
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<float>(static_cast<int>(i % 16) - 7) * 14.0F;  // max 112: the scale is 1
  }
  std::vector<std::byte> data(kInt4GroupInfo.data_bytes(1, 32));
  std::vector<float> aux(2);
  kInt4GroupInfo.pack_row(row.data(), 0, 1, 32, data.data(), aux.data());
  const WeightView view{data.data(), aux.data(), QuantFormat::kInt4Group, 1, 32};
  std::vector<float> back(32);
  kInt4GroupInfo.unpack_row(view, 0, back.data());
  EXPECT_EQ(back, row);
}

TEST(Int4Group, BytesLieAsTheHeaderSays) {
  std::vector<float> row(130, 0.0F);
  row[0] = 112.0F;     // group 0: zero 0, step 8 (112 / 15 rounded up), code 14
  row[129] = -112.0F;  // block 1, group 0: zero 14 or 15, code 0 or 1
  std::vector<std::byte> data(kInt4GroupInfo.data_bytes(18, 130), std::byte{0xee});
  std::vector<float> aux(36);
  for (std::int64_t r = 0; r < 18; ++r) {
    kInt4GroupInfo.pack_row(row.data(), r, 18, 130, data.data(), aux.data());
  }
  ASSERT_EQ(data.size(), 2U * 2U * 1088U);
  const std::byte* last = data.data() + 2 * 1088 + 4;  // row 17: second tile, lane 1
  EXPECT_EQ(last[0] & std::byte{15}, std::byte{8});
  EXPECT_EQ(last[0] >> 4, std::byte{0});
  EXPECT_EQ(last[64], std::byte{14});
  EXPECT_EQ(last[1], std::byte{0});  // a group of zeros
  EXPECT_EQ(last[1088] & std::byte{15}, std::byte{8});
  // Rows 18 to 31 are padding: zeros, whatever was there.
  EXPECT_EQ(data[2 * 1088 + 8], std::byte{0});
  EXPECT_EQ(data.back(), std::byte{0});
}

TEST(Int4Group, CutsTheEndsOfAGroupOnlyWhereThatLowersTheError) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  std::vector<float> row(4096);
  for (float& value : row) {
    value = normal(random);
  }
  std::vector<std::byte> data(kInt4GroupInfo.data_bytes(1, 4096));
  std::vector<float> aux(2);
  kInt4GroupInfo.pack_row(row.data(), 0, 1, 4096, data.data(), aux.data());
  const WeightView view{data.data(), aux.data(), QuantFormat::kInt4Group, 1, 4096};
  std::vector<float> back(row.size());
  kInt4GroupInfo.unpack_row(view, 0, back.data());
  double error = 0.0;
  double power = 0.0;
  for (std::size_t c = 0; c < row.size(); ++c) {
    error += std::pow(static_cast<double>(back[c] - row[c]), 2);
    power += std::pow(static_cast<double>(row[c]), 2);
  }
  // 16 levels over the range of 32 normal values, with steps of any size, come to 0.078.
  EXPECT_LT(std::sqrt(error / power), 0.082);
}

}  // namespace
}  // namespace monocle
