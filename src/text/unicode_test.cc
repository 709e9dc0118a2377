// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <utf8proc.h>

#include <vector>

#include "text/normalize.h"
#include "text/pretokenizer.h"
#include "text/unicode_tables.h"
#include "text/utf8.h"

namespace monocle {
namespace {

std::string replaced(std::string_view text) {
  std::string out;
  utf8::append_replaced(out, text);
  return out;
}

TEST(Utf8, RoundTripOfEveryCodePoint) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xd800 && c < 0xe000) {
      continue;
    }
    std::string text;
    utf8::append(text, c);
    const auto step = utf8::decode(text, 0);
    ASSERT_EQ(step.validity, utf8::Validity::kValid);
    ASSERT_EQ(step.code_point, c);
    ASSERT_EQ(step.length, text.size());
    ASSERT_EQ(utf8::decode_valid(text.data()).code_point, c);
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(utf8::decode(std::string_view(text).substr(0, cut), 0).validity,
                utf8::Validity::kTruncated);
    }
  }
}

TEST(Utf8, OneReplacementPerMaximalSubpart) {
  EXPECT_EQ(replaced("a\x80z"), "a\ufffdz");
  EXPECT_EQ(replaced("\xc0\xaf"), "\ufffd\ufffd");                      // overlong
  EXPECT_EQ(replaced("\xe0\x80\x80"), "\ufffd\ufffd\ufffd");            // overlong
  EXPECT_EQ(replaced("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");            // surrogate
  EXPECT_EQ(replaced("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd");  // above U+10FFFF
  EXPECT_EQ(replaced("\xf0\x9f\x99"), "\ufffd");                        // cut
  EXPECT_EQ(replaced("\xf0\x9f\x99\xf0\x9f\x99\x82"), "\ufffd🙂");
  EXPECT_EQ(replaced("\xe2\x82\xff"), "\ufffd\ufffd");
  EXPECT_TRUE(utf8::is_valid("é語🙂"));
  EXPECT_FALSE(utf8::is_valid("é語\xf0"));
}

TEST(Nfc, Vectors) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"e\u0301", "\u00e9"},
      {"\u00e9", "\u00e9"},
      {"\u0301e", "\u0301e"},
      {"a\u0302\u0323", "\u1ead"},  // reordered, then composed twice
      {"xa\u0323\u0302y\u0301z", "x\u1ead\u00fdz"},
      {"\u212b \u2126 \u212a", "\u00c5 \u03a9 K"},
      {"\u1100\u1161\u11a8", "\uac01"},
      {"\uac00\u11a8", "\uac01"},
      {"\u0958", "\u0915\u093c"},  // excluded from composition
      {"\u0344", "\u0308\u0301"},
      {"\u304b\u3099", "\u304c"},
      {"=\u0338", "\u2260"},
      {"\U0001d15e", "\U0001d157\U0001d165"},
      {"\U00011099\U000110ba", "\U0001109a"},
      {"\U0002f800", "\u4e3d"},
      // Newer than the reference's data: the mark is a wall, the pair stays apart.
      {"a\u0898\u0301", "a\u0898\u0301"},
      {"\U00011935\U00011930", "\U00011935\U00011930"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(to_nfc(text), expected) << text;
    EXPECT_EQ(to_nfc(to_nfc(text)), expected) << text;
    if (is_nfc_quick(text)) {
      EXPECT_EQ(text, std::string(expected));
    }
  }
}

TEST(Nfc, EveryCodePointOfTheCheckTableIsKnownToUtf8proc) {
  // A utf8proc older than the reference's data would make is_inert() and this table disagree.
  for (const auto& range : unicode::kNfcCheck.ranges) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      EXPECT_NE(utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->category,
                UTF8PROC_CATEGORY_CN)
          << static_cast<std::uint32_t>(c);
    }
  }
}

TEST(Nfc, ALongRunOfMarksIsSorted) {
  // Alternating classes 230 and 220: quadratic insertion would need minutes here.
  std::string text = "x";
  std::string low;
  std::string high;
  for (int i = 0; i < 200000; ++i) {
    text += "\u0302\u0323";
    low += "\u0323";
    high += "\u0302";
  }
  EXPECT_EQ(to_nfc(text), "x" + low + high);
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  for (std::size_t pos = 0; pos < text.size();) {
    const std::size_t end = pretoken_end(text, pos);
    out.emplace_back(text.substr(pos, end - pos));
    pos = end;
  }
  return out;
}

TEST(Pretokenizer, Alternatives) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split("I'M it's we'LL'x"), (Words{"I", "'M", " it", "'s", " we", "'LL", "'x"}));
  EXPECT_EQ(split("'\u017ft 're 'v"), (Words{"'\u017f", "t", " '", "re", " '", "v"}));
  EXPECT_EQ(split("'l"), (Words{"'l"}));
  EXPECT_EQ(split("don\u2019t"), (Words{"don", "\u2019t"}));
  EXPECT_EQ(split("a1234b"), (Words{"a", "1", "2", "3", "4", "b"}));
  EXPECT_EQ(split("  two   spaces "), (Words{" ", " two", "  ", " spaces", " "}));
  EXPECT_EQ(split("x \n\r\n  y"), (Words{"x", " \n\r\n", " ", " y"}));
  EXPECT_EQ(split("\tx\t\t1"), (Words{"\tx", "\t", "\t", "1"}));
  EXPECT_EQ(split("a!?\n\n b ...c"), (Words{"a", "!?\n\n", " b", " ...", "c"}));
  EXPECT_EQ(split("\u3000\u3000字"), (Words{"\u3000", "\u3000字"}));
  EXPECT_EQ(split("\u00a0!"), (Words{"\u00a0", "!"}));
  EXPECT_EQ(split("\u0301a\u0301b"), (Words{"\u0301a", "\u0301b"}));
  EXPECT_EQ(split("\u00bd\u0664"), (Words{"\u00bd", "\u0664"}));
  EXPECT_EQ(split("   "), (Words{"   "}));
  EXPECT_EQ(split("\n"), (Words{"\n"}));
}

TEST(UnicodeTables, SortedAndDisjoint) {
  for (const auto* table : {&unicode::kLetter, &unicode::kNumber, &unicode::kSpace,
                            &unicode::kNfcCheck, &unicode::kNfcAstral}) {
    char32_t previous = 0;
    for (const auto& range : table->ranges) {
      EXPECT_LT(previous, range.first);
      EXPECT_LE(range.first, range.last);
      EXPECT_TRUE(table->contains(range.first) && table->contains(range.last));
      EXPECT_FALSE(table->contains(range.last + 1));
      previous = range.last;
    }
  }
  EXPECT_FALSE(unicode::kLetter.contains(0x10ffff));
}

}  // namespace
}  // namespace monocle
