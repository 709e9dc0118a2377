// SPDX-License-Identifier: Apache-2.0
#include "base/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace monocle {
namespace {

TEST(DType, Bf16RoundsToNearestEven) {
  EXPECT_EQ(float_to_bf16(1.0F), 0x3f80);
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808000U)), 0x3f80);  // tie, even below
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f818000U)), 0x3f82);  // tie, even above
  EXPECT_EQ(float_to_bf16(std::bit_cast<float>(0x3f808001U)), 0x3f81);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7f80);  // overflows to infinity
  EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(0x7f800001U)))));
}

TEST(DType, EveryF16ValueSurvivesARoundTrip) {
  for (std::uint32_t bits = 0; bits < 0x10000U; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float wide = f16_to_float(half);
    if (std::isnan(wide)) {
      EXPECT_TRUE(std::isnan(f16_to_float(float_to_f16(wide))));
    } else {
      ASSERT_EQ(float_to_f16(wide), half) << bits;
    }
  }
}

TEST(DType, F16RoundsHalfToEvenAndOverflows) {
  EXPECT_EQ(float_to_f16(65519.996F), 0x7bff);
  EXPECT_EQ(float_to_f16(65520.0F), 0x7c00);
  EXPECT_EQ(float_to_f16(2049.0F), 0x6800);  // between 2048 and 2050: even mantissa wins
  EXPECT_EQ(float_to_f16(2051.0F), 0x6802);
  EXPECT_EQ(float_to_f16(0x1p-25F), 0x0000);
  EXPECT_EQ(float_to_f16(0x1.8p-25F), 0x0001);
}

TEST(DType, EveryF8ValueSurvivesARoundTrip) {
  for (unsigned bits = 0; bits < 256; ++bits) {
    const auto narrow = static_cast<std::uint8_t>(bits);
    const float wide = f8_e4m3_to_float(narrow);
    if (std::isnan(wide)) {
      EXPECT_EQ(bits & 0x7fU, 0x7fU);
    } else {
      ASSERT_EQ(float_to_f8_e4m3(wide), narrow) << bits;
    }
  }
  EXPECT_EQ(f8_e4m3_to_float(0x7e), 448.0F);
  EXPECT_EQ(float_to_f8_e4m3(1e9F), 0x7e);
  EXPECT_EQ(f8_e4m3_to_float(0x01), 0x1p-9F);
}

}  // namespace
}  // namespace monocle
