// SPDX-License-Identifier: Apache-2.0
// The byte alphabet of byte-level BPE files: each byte is written as one printable code point.
// 33-126, 161-172 and 174-255 stand for themselves, the other 68 bytes, in increasing order, are
// U+0100 and up.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace monocle {

constexpr std::int16_t kNotInAlphabet = -1;
constexpr std::size_t kAlphabetEnd = 256 + 68;

// code point -> byte, or kNotInAlphabet.
constexpr std::array<std::int16_t, kAlphabetEnd> kByteOfCodePoint = [] {
  std::array<std::int16_t, kAlphabetEnd> table{};
  table.fill(kNotInAlphabet);
  std::size_t next = 256;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const bool itself = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    table[itself ? byte : next++] = static_cast<std::int16_t>(byte);
  }
  return table;
}();

// Appends the bytes that `written` (UTF-8) stands for; false when a character is not of the
// alphabet, and then `out` holds a part.
bool append_alphabet_bytes(std::string& out, std::string_view written);

}  // namespace monocle
