// SPDX-License-Identifier: Apache-2.0
// UTF-8 decoding with the replacement rule used everywhere in this room: each maximal subpart of an
// ill-formed sequence becomes one U+FFFD (Unicode 3.9, the same as Python's errors="replace").
// Surrogates, overlong forms and code points above U+10FFFF are ill-formed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace monocle::utf8 {

enum class Validity : std::uint8_t {
  kValid,
  kInvalid,    // `length` bytes form one maximal subpart: one U+FFFD
  kTruncated,  // well-formed so far, but the text ends inside the sequence
};

struct Step {
  char32_t code_point;   // U+FFFD unless kValid
  std::uint32_t length;  // bytes consumed, 1..4
  Validity validity;
};

// Decodes the sequence at text[pos]; pos < text.size().
Step decode(std::string_view text, std::size_t pos);

// For text that is known to be valid: no checks.
struct ValidStep {
  char32_t code_point;
  std::uint32_t length;
};
inline ValidStep decode_valid(const char* p) {
  const auto byte = [p](int i) { return static_cast<char32_t>(static_cast<unsigned char>(p[i])); };
  const char32_t b0 = byte(0);
  if (b0 < 0x80) {
    return {b0, 1};
  }
  if (b0 < 0xe0) {
    return {((b0 & 0x1fU) << 6) | (byte(1) & 0x3fU), 2};
  }
  if (b0 < 0xf0) {
    return {((b0 & 0x0fU) << 12) | ((byte(1) & 0x3fU) << 6) | (byte(2) & 0x3fU), 3};
  }
  return {((b0 & 0x07U) << 18) | ((byte(1) & 0x3fU) << 12) | ((byte(2) & 0x3fU) << 6) |
              (byte(3) & 0x3fU),
          4};
}

bool is_valid(std::string_view text);
void append(std::string& out, char32_t code_point);

// Appends `text` to `out`, ill-formed parts replaced.
void append_replaced(std::string& out, std::string_view text);

}  // namespace monocle::utf8
