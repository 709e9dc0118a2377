// SPDX-License-Identifier: Apache-2.0
// Code point classes as the reference tokenizer library has them, independent of the installed
// utf8proc. The regex classes and the normalisation data carry different Unicode versions there,
// and so they do here.
#pragma once

#include <span>

namespace monocle::unicode {

struct CodePointRange {
  char32_t first;
  char32_t last;  // inclusive
};

// Sorted, disjoint ranges.
struct CodePointTable {
  std::span<const CodePointRange> ranges;

  [[nodiscard]] constexpr bool contains(char32_t c) const {
    std::size_t low = 0;
    std::size_t high = ranges.size();
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      if (ranges[middle].last < c) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low < ranges.size() && ranges[low].first <= c;
  }
};

extern const CodePointTable kLetter;  // \p{L}
extern const CodePointTable kNumber;  // \p{N}
extern const CodePointTable kSpace;   // \s
extern const CodePointTable
    kNfcCheck;  // combining class not 0, or NFC_Quick_Check not Yes; nothing below U+0300
extern const CodePointTable kNfcAstral;  // above U+FFFF and part of a canonical composition

}  // namespace monocle::unicode
