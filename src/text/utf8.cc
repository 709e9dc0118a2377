// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

namespace monocle::utf8 {
namespace {

constexpr char32_t kReplacement = 0xfffd;

struct Lead {
  std::uint32_t length;  // 0: not a lead byte
  unsigned char low;     // allowed range of the second byte
  unsigned char high;
};

// Table 3-7 of the Unicode standard: only the second byte has lead-dependent limits.
Lead classify(unsigned char b) {
  if (b >= 0xc2 && b <= 0xdf) {
    return {2, 0x80, 0xbf};
  }
  if (b >= 0xe0 && b <= 0xef) {
    const unsigned char low = b == 0xe0 ? 0xa0 : 0x80;
    const unsigned char high = b == 0xed ? 0x9f : 0xbf;
    return {3, low, high};
  }
  if (b >= 0xf0 && b <= 0xf4) {
    const unsigned char low = b == 0xf0 ? 0x90 : 0x80;
    const unsigned char high = b == 0xf4 ? 0x8f : 0xbf;
    return {4, low, high};
  }
  return {0, 0, 0};
}

// Bytes of text from pos on that are well-formed; text.size() when all are.
std::size_t valid_until(std::string_view text, std::size_t pos) {
  while (pos < text.size()) {
    if (static_cast<unsigned char>(text[pos]) < 0x80) {
      ++pos;
      continue;
    }
    const Step step = decode(text, pos);
    if (step.validity != Validity::kValid) {
      return pos;
    }
    pos += step.length;
  }
  return pos;
}

}  // namespace

Step decode(std::string_view text, std::size_t pos) {
  const auto b0 = static_cast<unsigned char>(text[pos]);
  if (b0 < 0x80) {
    return {b0, 1, Validity::kValid};
  }
  const Lead lead = classify(b0);
  if (lead.length == 0) {
    return {kReplacement, 1, Validity::kInvalid};
  }
  char32_t code_point = b0 & (0x7fU >> lead.length);
  for (std::uint32_t i = 1; i < lead.length; ++i) {
    if (pos + i >= text.size()) {
      return {kReplacement, i, Validity::kTruncated};
    }
    const auto b = static_cast<unsigned char>(text[pos + i]);
    const unsigned char low = i == 1 ? lead.low : 0x80;
    const unsigned char high = i == 1 ? lead.high : 0xbf;
    if (b < low || b > high) {
      return {kReplacement, i, Validity::kInvalid};
    }
    code_point = (code_point << 6) | (b & 0x3fU);
  }
  return {code_point, lead.length, Validity::kValid};
}

bool is_valid(std::string_view text) { return valid_until(text, 0) == text.size(); }

void append(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0U | (c >> 6));
    put(0x80U | (c & 0x3fU));
  } else if (c < 0x10000) {
    put(0xe0U | (c >> 12));
    put(0x80U | ((c >> 6) & 0x3fU));
    put(0x80U | (c & 0x3fU));
  } else {
    put(0xf0U | (c >> 18));
    put(0x80U | ((c >> 12) & 0x3fU));
    put(0x80U | ((c >> 6) & 0x3fU));
    put(0x80U | (c & 0x3fU));
  }
}

void append_replaced(std::string& out, std::string_view text) {
  std::size_t pos = 0;
  while (pos < text.size()) {
    const std::size_t end = valid_until(text, pos);
    out.append(text.substr(pos, end - pos));
    pos = end;
    if (pos < text.size()) {
      append(out, kReplacement);
      pos += decode(text, pos).length;
    }
  }
}

}  // namespace monocle::utf8
