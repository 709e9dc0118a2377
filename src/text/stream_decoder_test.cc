// SPDX-License-Identifier: Apache-2.0
#include "text/stream_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "text/test_vocabulary.h"

namespace monocle {
namespace {

using testing::fixture_tokenizer;
using testing::id;

StreamDecoder make(StreamOptions options) {
  auto decoder = StreamDecoder::create(fixture_tokenizer(), std::move(options));
  EXPECT_TRUE(decoder.has_value());
  return std::move(*decoder);
}

// One token per byte, the finest way to cut a text.
std::vector<TokenId> bytes(std::string_view text) {
  std::vector<TokenId> ids;
  for (const char& c : text) {
    ids.push_back(id(std::string_view(&c, 1)));
  }
  return ids;
}

std::vector<std::string> pieces(StreamDecoder& decoder, const std::vector<TokenId>& ids) {
  std::vector<std::string> out;
  for (const TokenId one : ids) {
    out.push_back(decoder.push(one));
  }
  out.push_back(decoder.flush());
  return out;
}

std::string joined(const std::vector<std::string>& parts) {
  std::string all;
  for (const std::string& part : parts) {
    all += part;
  }
  return all;
}

using Pieces = std::vector<std::string>;

TEST(StreamDecoder, OnlyWholeCharacters) {
  StreamDecoder decoder = make({});
  EXPECT_EQ(pieces(decoder, bytes("a語🙂é")),
            (Pieces{"a", "", "", "語", "", "", "", "🙂", "", "é", ""}));
}

TEST(StreamDecoder, IllFormedBytesBecomeOneReplacementPerSubpart) {
  const std::pair<const char*, Pieces> cases[] = {
      {"\xff", {"\ufffd", ""}},
      {"\xe2\x82", {"", "", "\ufffd"}},
      {"\xe2\x82z", {"", "", "\ufffdz", ""}},
      {"\xf0\x9f\xe8\xaa\x9e", {"", "", "\ufffd", "", "語", ""}},
      {"\xed\xa0\x80", {"", "\ufffd\ufffd", "\ufffd", ""}},
      {"\xe0\x80", {"", "\ufffd\ufffd", ""}},
      {"\xf4\x90", {"", "\ufffd\ufffd", ""}},
      {"\xc1", {"\ufffd", ""}},
  };
  for (const auto& [text, expected] : cases) {
    StreamDecoder decoder = make({});
    EXPECT_EQ(pieces(decoder, bytes(text)), expected) << text;
  }
}

TEST(StreamDecoder, SpecialTokens) {
  const std::vector<TokenId> ids{id("a"), id("<|im_end|>"), id("<tool_call>"), id("b"),
                                 -1,      1 << 30};
  StreamDecoder skipping = make({});
  EXPECT_EQ(joined(pieces(skipping, ids)), "a<tool_call>b");
  StreamDecoder keeping = make({.skip_special = false});
  EXPECT_EQ(joined(pieces(keeping, ids)), "a<|im_end|><tool_call>b");
}

TEST(StreamDecoder, StopStrings) {
  struct Case {
    std::vector<std::string> stop;
    std::string text;
    std::string expected;
    int stopped;  // index, -1: none
  };
  const Case cases[] = {
      {{"END"}, "abcENDxyz", "abc", 0},
      {{"END"}, "abcEN", "abcEN", -1},
      {{"END"}, "ENEND", "EN", 0},
      {{"aab"}, "aaab", "a", 0},
      {{"x", "END"}, "abENxD", "abEN", 0},
      {{"abcd", "bc"}, "zabcd", "za", 1},  // the first that is complete
      {{"bc", "abc"}, "zabc", "z", 1},     // together: the one that began first
      {{"🙂"}, "a🙂b", "a", 0},
      {{"\ufffd"},
       "a\xff"
       "b",
       "a",
       0},  // what the reader sees counts
      {{"a"}, "a", "", 0},
      {{}, "abc", "abc", -1},
  };
  for (const Case& c : cases) {
    StreamDecoder decoder = make({.stop = c.stop});
    const auto got = pieces(decoder, bytes(c.text));
    EXPECT_EQ(joined(got), c.expected) << c.text;
    EXPECT_EQ(decoder.stopped().has_value() ? static_cast<int>(*decoder.stopped()) : -1, c.stopped)
        << c.text;
    EXPECT_EQ(decoder.push(id("a")), decoder.stopped() ? "" : "a");
  }
}

TEST(StreamDecoder, NothingOfAStopStringGetsOut) {
  StreamDecoder decoder = make({.stop = {"\n\nUser:"}});
  EXPECT_EQ(pieces(decoder, bytes("a\nb\n\nUse")),
            (Pieces{"a", "", "\nb", "", "", "", "", "", "\n\nUse"}));
  StreamDecoder stopping = make({.stop = {"\n\nUser:"}});
  EXPECT_EQ(joined(pieces(stopping, bytes("a\n\nUser: hi"))), "a");
}

TEST(StreamDecoder, OneTokenMayHoldSeveralStops) {
  StreamDecoder decoder = make({.stop = {"call>", "tool"}});
  EXPECT_EQ(decoder.push(id("<tool_call>")), "<");
  EXPECT_EQ(decoder.stopped(), 1U);
}

TEST(StreamDecoder, WholeStringsAreNotSplit) {
  StreamDecoder decoder = make({.whole = {"<tool_call>"}});
  EXPECT_EQ(
      pieces(decoder, bytes("a<tool_call>b<t")),
      (Pieces{"a", "", "", "", "", "", "", "", "", "", "", "<tool_call>", "b", "", "", "<t"}));
  // A stop string may begin inside.
  StreamDecoder both = make({.stop = {"call>\nno"}, .whole = {"<tool_call>"}});
  EXPECT_EQ(both.push(id("<tool_call>")), "");
  EXPECT_EQ(both.push(id("\n")), "");
  EXPECT_EQ(both.push(id("y")), "<tool_call>\ny");
}

TEST(StreamDecoder, RandomIdsGiveTheTextOfDecode) {
  std::mt19937 rng(3);
  const auto size = static_cast<std::uint32_t>(fixture_tokenizer().vocab_size());
  for (int round = 0; round < 300; ++round) {
    std::vector<TokenId> ids(1 + rng() % 30);
    for (TokenId& one : ids) {
      one = static_cast<TokenId>(rng() % (round % 2 == 0 ? 256 : size));
    }
    StreamDecoder decoder =
        make({.stop = {"never in there, so it must not change a thing"}, .whole = {"<tool_call>"}});
    EXPECT_EQ(joined(pieces(decoder, ids)), fixture_tokenizer().decode(ids, true));
  }
}

TEST(StreamDecoder, LimitsOfStopStrings) {
  const auto error = [](std::vector<std::string> stop) {
    const auto made = StreamDecoder::create(fixture_tokenizer(), {.stop = std::move(stop)});
    return made ? std::string("made") : made.error().message;
  };
  EXPECT_EQ(error(std::vector<std::string>(16, "x")), "made");
  EXPECT_EQ(error({std::string(256, 'x')}), "made");
  EXPECT_EQ(error(std::vector<std::string>(17, "x")), "stop has 17 strings, the limit is 16");
  EXPECT_EQ(error({"a", ""}), "stop[1] has 0 bytes, it must be 1 to 256 bytes of UTF-8");
  EXPECT_NE(error({std::string(257, 'x')}), "made");
  EXPECT_NE(error({"\xff"}), "made");
}

}  // namespace
}  // namespace monocle
