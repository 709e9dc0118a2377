// SPDX-License-Identifier: Apache-2.0
#include "quant/format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

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

}  // namespace
}  // namespace monocle
