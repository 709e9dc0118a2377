// SPDX-License-Identifier: Apache-2.0
#include "base/dtype.h"

#include <cmath>
#include <limits>

namespace monocle {

float f16_to_float(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000U) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1fU;
  const std::uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0) {  // zero or subnormal: mantissa * 2^-24 is exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 255U : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

std::uint16_t float_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  if (magnitude > 0x7f800000U) {
    return static_cast<std::uint16_t>(sign | 0x7e00U);
  }
  if (magnitude >= 0x477ff000U) {  // 65520 and above round to infinity
    return static_cast<std::uint16_t>(sign | 0x7c00U);
  }
  if (magnitude <
      0x38800000U) {  // below 2^-14: subnormal, nearbyint rounds half to even in the default mode
    const float scaled = std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24F);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(scaled));
  }
  const std::uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

float f8_e4m3_to_float(std::uint8_t bits) {
  const bool negative = (bits & 0x80U) != 0;
  const int exponent = (bits >> 3) & 0xf;
  const int mantissa = bits & 0x7;
  float magnitude = 0.0F;
  if (exponent == 15 && mantissa == 7) {
    magnitude = std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(static_cast<float>(mantissa), -9);
  } else {
    magnitude = std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
  }
  return negative ? -magnitude : magnitude;
}

std::uint8_t float_to_f8_e4m3(float value) {
  const std::uint8_t sign = std::signbit(value) ? 0x80U : 0U;
  if (std::isnan(value)) {
    return static_cast<std::uint8_t>(sign | 0x7fU);
  }
  const float magnitude = std::fabs(value);
  if (magnitude >= 448.0F) {
    return static_cast<std::uint8_t>(sign | 0x7eU);
  }
  if (magnitude < 0x1p-6F) {
    return static_cast<std::uint8_t>(sign |
                                     static_cast<std::uint8_t>(std::nearbyint(magnitude * 512.0F)));
  }
  int exponent = 0;
  const float fraction = std::frexp(magnitude, &exponent);  // fraction in [0.5, 1)
  int mantissa = static_cast<int>(std::nearbyint(fraction * 16.0F));
  if (mantissa == 16) {
    mantissa = 8;
    ++exponent;
  }
  const int biased = exponent - 1 + 7;
  return static_cast<std::uint8_t>(sign | static_cast<unsigned>(biased << 3) |
                                   static_cast<unsigned>(mantissa - 8));
}

}  // namespace monocle
