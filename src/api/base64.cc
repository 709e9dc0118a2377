// SPDX-License-Identifier: Apache-2.0
#include "api/base64.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace monocle::api {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kSpaceValue = 64;
constexpr std::uint8_t kPad = 65;
constexpr std::uint8_t kBad = 255;

constexpr std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  table.fill(kBad);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  table[static_cast<unsigned char>('-')] = 62;
  table[static_cast<unsigned char>('_')] = 63;
  for (const char c : {' ', '\t', '\r', '\n'}) {
    table[static_cast<unsigned char>(c)] = kSpaceValue;
  }
  table[static_cast<unsigned char>('=')] = kPad;
  return table;
}
constexpr auto kTable = make_table();

std::uint8_t value_of(char c) { return kTable[static_cast<unsigned char>(c)]; }

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  int count = 0;  // characters in `bits`
  bool padded = false;
  for (const char c : text) {
    const std::uint8_t value = value_of(c);
    if (value == kSpaceValue) {
      continue;
    }
    if (value == kBad || (padded && value != kPad)) {
      return std::nullopt;
    }
    if (value == kPad) {
      padded = true;
      continue;
    }
    bits = bits << 6 | value;
    if (++count == 4) {
      out += static_cast<char>(bits >> 16 & 0xff);
      out += static_cast<char>(bits >> 8 & 0xff);
      out += static_cast<char>(bits & 0xff);
      bits = 0;
      count = 0;
    }
  }
  if (count == 1) {
    return std::nullopt;
  }
  if (count >= 2) {
    bits <<= 6 * (4 - count);
    out += static_cast<char>(bits >> 16 & 0xff);
    if (count == 3) {
      out += static_cast<char>(bits >> 8 & 0xff);
    }
  }
  return out;
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t j = 0; j < 3; ++j) {
      bits = bits << 8 | (j < n ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += j <= n ? kAlphabet[bits >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

bool has_base64_run(std::string_view text, std::size_t length) {
  std::size_t run = 0;
  for (const char c : text) {
    run = value_of(c) < kSpaceValue ? run + 1 : 0;
    if (run >= length) {
      return true;
    }
  }
  return false;
}

}  // namespace monocle::api
