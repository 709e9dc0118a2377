// SPDX-License-Identifier: Apache-2.0
#include "text/bpe.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <random>

#include "text/test_vocabulary.h"

namespace monocle {
namespace {

using testing::fixture_tokenizer;
using testing::id;
using testing::read_fixture;
using Ids = std::vector<TokenId>;

void expect_all_cases(const Tokenizer& tokenizer) {
  const auto cases = nlohmann::json::parse(read_fixture("cases.json"));
  ASSERT_GT(cases.size(), 300U);
  for (const auto& c : cases) {
    const auto text = c.at("text").get<std::string>();
    const auto parsed = c.at("parsed").get<Ids>();
    EXPECT_EQ(tokenizer.encode(text, SpecialTokens::kParse), parsed) << c;
    EXPECT_EQ(tokenizer.encode(text, SpecialTokens::kAsText),
              c.contains("as_text") ? c.at("as_text").get<Ids>() : parsed)
        << c;
  }
}

TEST(Bpe, EqualsTheReferenceLibrary) { expect_all_cases(fixture_tokenizer()); }

TEST(Bpe, MergesAsStringsMeanTheSame) {
  auto file = nlohmann::ordered_json::parse(read_fixture("tokenizer.json"));
  for (auto& merge : file["model"]["merges"]) {
    merge = merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>();
  }
  auto tokenizer = Tokenizer::load(file.dump());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  expect_all_cases(*tokenizer);
}

TEST(Bpe, OrderOfFieldsAndEscapingDoNotMatter) {
  // nlohmann::json sorts keys: merges before vocab, added tokens before the model, ids out of
  // order.
  const auto file = nlohmann::json::parse(read_fixture("tokenizer.json"));
  for (const bool ascii : {false, true}) {
    auto tokenizer = Tokenizer::load(file.dump(1, '\t', ascii));
    ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
    expect_all_cases(*tokenizer);
  }
}

TEST(Bpe, LongTextWithTheCacheEqualsItsParts) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  // Every part starts and ends with a letter and a full stop, so the pre-tokens of the whole are
  // those of the parts.
  const std::string part = "The picture shows 12 Zelené łódź, привет и 你好世界 don't. ";
  std::string whole;
  Ids expected;
  for (int i = 0; i < 200; ++i) {
    const std::string text = "x" + std::to_string(i % 10) + part;
    whole += text.substr(0, text.size() - 1) + "\n";
    const Ids ids =
        tokenizer.encode(text.substr(0, text.size() - 1) + "\n", SpecialTokens::kAsText);
    expected.insert(expected.end(), ids.begin(), ids.end());
  }
  EXPECT_EQ(tokenizer.encode(whole, SpecialTokens::kAsText), expected);
}

TEST(Bpe, UserTextNeverBecomesAnAddedToken) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  for (TokenId added = 0; added < tokenizer.vocab_size(); ++added) {
    if (!tokenizer.is_added(added)) {
      continue;
    }
    const std::string text(tokenizer.bytes_of(added));
    EXPECT_EQ(tokenizer.encode(text, SpecialTokens::kParse), Ids{added});
    const Ids ids = tokenizer.encode("a " + text + text + " b", SpecialTokens::kAsText);
    EXPECT_GT(ids.size(), 4U);
    for (const TokenId one : ids) {
      EXPECT_FALSE(tokenizer.is_added(one)) << text;
    }
    EXPECT_EQ(tokenizer.decode(ids, true), "a " + text + text + " b");
  }
}

TEST(Bpe, SpansEqualTheirConcatenation) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  const std::vector<TextSpan> spans{{"<|im_start|>user\n", TextOwner::kTemplate},
                                    {"\n\nHel", TextOwner::kUser},
                                    {"lo e", TextOwner::kUser},
                                    {"\u0301t\u00e9", TextOwner::kUser},
                                    {"<|im_end|>\n", TextOwner::kTemplate}};
  std::string all;
  for (const TextSpan& span : spans) {
    all += span.text;
  }
  EXPECT_EQ(tokenizer.encode(spans), tokenizer.encode(all, SpecialTokens::kParse));
  // The seam matters: the template's line break joins the user's in one pre-token.
  Ids apart = tokenizer.encode("user\n", SpecialTokens::kParse);
  const Ids second = tokenizer.encode("\n\n", SpecialTokens::kParse);
  apart.insert(apart.end(), second.begin(), second.end());
  EXPECT_NE(tokenizer.encode("user\n\n\n", SpecialTokens::kParse), apart);
}

TEST(Bpe, AddedTokensOnlyWhollyInsideTemplateText) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  const auto count = [&](const std::vector<TextSpan>& spans) {
    int added = 0;
    for (const TokenId one : tokenizer.encode(spans)) {
      added += tokenizer.is_added(one) ? 1 : 0;
    }
    return added;
  };
  EXPECT_EQ(count({{"<|im_end|>", TextOwner::kTemplate}}), 1);
  EXPECT_EQ(count({{"<|im_end|>", TextOwner::kUser}}), 0);
  EXPECT_EQ(count({{"<|im_", TextOwner::kTemplate}, {"end|>", TextOwner::kTemplate}}), 1);
  EXPECT_EQ(count({{"<|im_", TextOwner::kTemplate}, {"end|>", TextOwner::kUser}}), 0);
  EXPECT_EQ(count({{"<|im_", TextOwner::kUser}, {"end|>", TextOwner::kTemplate}}), 0);
  EXPECT_EQ(count({{"<|im_", TextOwner::kTemplate},
                   {"", TextOwner::kUser},
                   {"end|>", TextOwner::kTemplate}}),
            1);
  EXPECT_EQ(count({{"<|im_end|>", TextOwner::kTemplate},
                   {"<|im_end|>", TextOwner::kUser},
                   {"<|im_end|>", TextOwner::kTemplate}}),
            2);
}

TEST(Bpe, CutsBetweenSpansDoNotShow) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  const auto cases = nlohmann::json::parse(read_fixture("cases.json"));
  std::mt19937 rng(5);
  for (const auto& c : cases) {
    const auto text = c.at("text").get<std::string>();
    std::vector<TextSpan> spans;
    for (std::size_t pos = 0; pos < text.size();) {
      std::size_t end = pos + 1 + rng() % 9;
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) {
        ++end;
      }
      spans.push_back({text.substr(pos, end - pos), TextOwner::kUser});
      pos = end;
    }
    EXPECT_EQ(tokenizer.encode(spans), tokenizer.encode(text, SpecialTokens::kAsText)) << c;
    for (TextSpan& span : spans) {
      span.owner = TextOwner::kTemplate;
    }
    EXPECT_EQ(tokenizer.encode(spans), tokenizer.encode(text, SpecialTokens::kParse)) << c;
  }
}

TEST(Bpe, InvalidUtf8IsTokenisedAsReplacementCharacters) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  EXPECT_EQ(tokenizer.encode("a\xff\xe2\x82z", SpecialTokens::kAsText),
            tokenizer.encode("a\ufffd\ufffdz", SpecialTokens::kAsText));
  // A cut character of the user must not swallow the template's token.
  const std::vector<TextSpan> spans{{"x\xe2\x82", TextOwner::kUser},
                                    {"<|im_end|>", TextOwner::kTemplate}};
  EXPECT_EQ(tokenizer.encode(spans).back(), id("<|im_end|>"));
}

TEST(Bpe, Decode) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  for (const std::string& text : {std::string(), std::string("Hello, world!"),
                                  std::string("数学café 🙂\n\n"), std::string("x\0y", 3)}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, SpecialTokens::kAsText), false), text);
  }
  const Ids ids{id("<|im_start|>"),     id("a"), id("<tool_call>"), id("<|im_end|>"), -1,
                tokenizer.vocab_size(), 1 << 30};
  EXPECT_EQ(tokenizer.decode(ids, false), "<|im_start|>a<tool_call><|im_end|>");
  EXPECT_EQ(tokenizer.decode(ids, true), "a<tool_call>");
  EXPECT_EQ(tokenizer.decode(Ids{id("\xe6"), id("a"), id("\x95")}, false), "\ufffda\ufffd");
}

TEST(Bpe, Lookups) {
  const Tokenizer& tokenizer = fixture_tokenizer();
  EXPECT_EQ(tokenizer.bytes_of(id("<think>")), "<think>");
  EXPECT_EQ(tokenizer.bytes_of(id(" the")), " the");
  EXPECT_EQ(tokenizer.bytes_of(-1), "");
  EXPECT_EQ(tokenizer.bytes_of(tokenizer.vocab_size()), "");
  EXPECT_FALSE(tokenizer.id_of("no such token in here"));
  EXPECT_FALSE(tokenizer.id_of(""));
  EXPECT_TRUE(tokenizer.is_special(id("<|im_end|>")));
  EXPECT_FALSE(tokenizer.is_special(id("<tool_call>")));
  EXPECT_TRUE(tokenizer.is_added(id("<tool_call>")));
  EXPECT_FALSE(tokenizer.is_added(id("a")));
  EXPECT_EQ(tokenizer.vocab_size(), id("</think>") + 1);
}

}  // namespace
}  // namespace monocle
