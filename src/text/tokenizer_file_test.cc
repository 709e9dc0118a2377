// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_file.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include <random>

#include "text/test_vocabulary.h"

namespace monocle {
namespace {

using Json = nlohmann::ordered_json;
using testing::read_fixture;

Json fixture() { return Json::parse(read_fixture("tokenizer.json")); }

std::string error_of(const std::string& json) {
  const auto loaded = Tokenizer::load(json);
  return loaded ? "loaded" : loaded.error().message;
}

// Sets the value at a JSON pointer and expects an error that contains `part`.
void expect_refused(const std::string& pointer, const Json& value, const std::string& part) {
  Json file = fixture();
  file[Json::json_pointer(pointer)] = value;
  const std::string message = error_of(file.dump());
  EXPECT_NE(message.find(part), std::string::npos)
      << pointer << " = " << value << " gave: " << message;
  EXPECT_EQ(message.find("tokenizer.json: "), 0U) << message;
}

TEST(TokenizerFile, WhatWeDoNotHonourIsRefusedByName) {
  expect_refused("/version", "2.0", "version is \"2.0\"");
  expect_refused("/truncation", {{"max_length", 5}}, "truncation is");
  expect_refused("/padding", {{"strategy", "BatchLongest"}}, "padding is");
  expect_refused("/normalizer", nullptr, "normalizer is null");
  expect_refused("/normalizer/type", "NFKC", "normalizer is {\"type\":\"NFKC\"}");
  expect_refused("/pre_tokenizer/type", "Metaspace", "pre_tokenizer is");
  expect_refused("/pre_tokenizer/pretokenizers/0/pattern/Regex", "\\p{L}+",
                 "pattern is not the split pattern of Qwen2");
  expect_refused("/pre_tokenizer/pretokenizers/0/behavior", "Removed", "pretokenizers[0]");
  expect_refused("/pre_tokenizer/pretokenizers/0/invert", true, "pretokenizers[0]");
  expect_refused("/pre_tokenizer/pretokenizers/1/add_prefix_space", true, "pretokenizers[1]");
  expect_refused("/pre_tokenizer/pretokenizers/1/use_regex", true,
                 "add_prefix_space and use_regex false");
  expect_refused("/post_processor/type", "TemplateProcessing", "post_processor");
  expect_refused("/decoder", nullptr, "decoder is null");
  expect_refused("/model/type", "Unigram", "model.type is \"Unigram\"");
  expect_refused("/model/dropout", 0.1, "model.dropout is 0.1");
  expect_refused("/model/unk_token", "<unk>", "model.unk_token");
  expect_refused("/model/continuing_subword_prefix", "##", "model.continuing_subword_prefix");
  expect_refused("/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix");
  expect_refused("/model/byte_fallback", true, "model.byte_fallback");
  expect_refused("/model/ignore_merges", true, "model.ignore_merges");
  expect_refused("/model/surprise", 1, "\"model.surprise\" is not supported");
  expect_refused("/surprise", 1, "\"surprise\" is not supported");
  expect_refused("/added_tokens/3/lstrip", true, "added_tokens[3].lstrip is true");
  expect_refused("/added_tokens/3/rstrip", true, "added_tokens[3].rstrip");
  expect_refused("/added_tokens/3/single_word", true, "added_tokens[3].single_word");
  expect_refused("/added_tokens/3/normalized", true, "added_tokens[3].normalized");
}

TEST(TokenizerFile, WrongValues) {
  expect_refused("/added_tokens", 7, "added_tokens must be an array");
  expect_refused("/added_tokens/0", 7, "added_tokens[0].id is null");
  expect_refused("/added_tokens/0/id", -1, "added_tokens[0].id is -1");
  expect_refused("/added_tokens/0/id", 1 << 20, "added_tokens[0].id is 1048576");
  expect_refused("/added_tokens/0/id", fixture()["added_tokens"][1]["id"],
                 "gives an id or a content twice");
  expect_refused("/added_tokens/0/id", 5, "contradicts model.vocab");
  expect_refused("/added_tokens/0/content", "", "has 0 bytes");
  expect_refused("/added_tokens/0/content", std::string(kMaxTokenBytes + 1, 'x'), "has 1025 bytes");
  expect_refused("/added_tokens/0/content", "<|im_end|>", "gives an id or a content twice");
  expect_refused("/added_tokens/0/content", "the", "contradicts model.vocab");
  expect_refused("/added_tokens/0/special", "yes", "added_tokens[0].special");
  expect_refused("/model/vocab", {{"a", 0}}, "no token for the byte 0x00");
  expect_refused("/model/vocab", Json::object(), "no token for the byte 0x00");
  expect_refused("/model/vocab/a", 1, "the id 1 twice");
  expect_refused("/model/vocab/a", -1, "a number expected");
  expect_refused("/model/vocab/a", 1 << 20, "a number up to 1048575");
  expect_refused("/model/vocab/" + std::string(kMaxTokenBytes + 1, 'x'), 2000,
                 "tokens are 1 to 1024 bytes");
  expect_refused("/model/merges/2", {"a", "does-not-exist"},
                 "model.merges[2]: the right token is not in model.vocab");
  expect_refused("/model/merges/2", {"does-not-exist", "a"}, "model.merges[2]: the left token");
  expect_refused("/model/merges/2", {"!", "#"}, "model.merges[2]: the joined token");
  expect_refused("/model/merges/2", "ab", "model.merges[2]: not two tokens");
  expect_refused("/model/merges/2", "a b c", "model.merges[2]: not two tokens");
  expect_refused("/model/merges/2", Json::array({"a"}), "model.merges[2]: not valid JSON");
  expect_refused("/model/merges/2", 7, "model.merges[2]: not valid JSON");
  expect_refused("/model/merges", 7, "not valid JSON: [ expected");
  expect_refused("/model", 7, "not valid JSON: { expected");
}

TEST(TokenizerFile, AnAddedTokenThatTextCanMakeIsRefused) {
  Json file = fixture();
  const auto merged = file["model"]["merges"][0].at(0).get<std::string>() +
                      file["model"]["merges"][0].at(1).get<std::string>();
  for (const std::string& text : {merged, std::string("a")}) {
    Json changed = file;
    changed["added_tokens"][0]["content"] = text;
    changed["added_tokens"][0]["id"] = file["model"]["vocab"][text];
    EXPECT_NE(error_of(changed.dump()).find("can also be made from ordinary text"),
              std::string::npos)
        << text;
  }
}

TEST(TokenizerFile, AddedTokensMayAlsoStandInTheVocabulary) {
  Json file = fixture();
  for (const auto& token : file["added_tokens"]) {
    file["model"]["vocab"][token["content"].get<std::string>()] = token["id"];
  }
  const auto tokenizer = Tokenizer::load(file.dump());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->encode("<|im_end|>", SpecialTokens::kParse).size(), 1U);
  EXPECT_GT(tokenizer->encode("<|im_end|>", SpecialTokens::kAsText).size(), 1U);
}

TEST(TokenizerFile, TokensOutsideTheByteAlphabetCanOnlyBeDecoded) {
  Json file = fixture();
  file["model"]["vocab"]["two words"] = 3000;
  file["model"]["vocab"]["语"] = 3001;
  const auto tokenizer = Tokenizer::load(file.dump());
  ASSERT_TRUE(tokenizer.has_value()) << tokenizer.error().message;
  EXPECT_EQ(tokenizer->bytes_of(3000), "two words");
  EXPECT_EQ(tokenizer->bytes_of(3001), "语");
  EXPECT_FALSE(tokenizer->id_of("two words"));
  EXPECT_EQ(tokenizer->bytes_of(2999), "");  // ids may have gaps
  EXPECT_EQ(tokenizer->vocab_size(), 3002);
}

TEST(TokenizerFile, MissingFields) {
  for (const char* name : {"normalizer", "pre_tokenizer", "decoder", "model"}) {
    Json file = fixture();
    file.erase(name);
    EXPECT_NE(error_of(file.dump()).find("\" is missing"), std::string::npos) << name;
  }
  for (const char* name : {"type", "vocab", "merges"}) {
    Json file = fixture();
    file["model"].erase(name);
    EXPECT_NE(error_of(file.dump()).find(std::string("\"model.") + name + "\" is missing"),
              std::string::npos)
        << name;
  }
  Json file = fixture();
  for (const char* name : {"version", "truncation", "padding", "post_processor", "added_tokens"}) {
    file.erase(name);
  }
  EXPECT_EQ(error_of(file.dump()), "loaded");
}

TEST(TokenizerFile, EveryTruncationIsRefused) {
  const std::string json = read_fixture("tokenizer.json");
  const std::size_t end = json.find_last_of('}');
  for (std::size_t size = 0; size <= end; size += size < 4000 || size > end - 400 ? 1 : 97) {
    EXPECT_NE(error_of(json.substr(0, size)), "loaded") << size;
  }
  EXPECT_NE(error_of(json + "x").find("the end of the file expected"), std::string::npos);
}

TEST(TokenizerFile, RepeatedFieldsAndHugeFiles) {
  std::string json = read_fixture("tokenizer.json");
  EXPECT_NE(error_of("{\"version\":\"1.0\"," + json.substr(1)).find("\"version\" is given twice"),
            std::string::npos);
  json.resize(kMaxTokenizerFileBytes + 1, ' ');
  EXPECT_NE(error_of(json).find("the limit is 67108864"), std::string::npos);
  EXPECT_NE(error_of(std::string(100000, '[')).find("{ expected"), std::string::npos);
  EXPECT_NE(error_of("{\"version\":" + std::string(100000, '[')), "loaded");
}

TEST(TokenizerFile, MutatedFilesLoadOrSayWhy) {
  const std::string json = read_fixture("tokenizer.json");
  std::mt19937 rng(11);
  const auto below = [&rng](std::size_t n) { return static_cast<std::size_t>(rng() % n); };
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string mutated = json;
    for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
      const std::size_t at = below(mutated.size());
      switch (below(4)) {
        case 0:
          mutated[at] = static_cast<char>(static_cast<unsigned char>(rng()));
          break;
        case 1:
          mutated.erase(at, 1 + below(40));
          break;
        case 2:
          mutated.insert(at, mutated, below(mutated.size()), 1 + below(40));
          break;
        default:
          mutated[at] = R"({}[]",:0\-)"[below(10)];
          break;
      }
    }
    const auto loaded = Tokenizer::load(mutated);
    if (loaded) {
      const auto ids = loaded->encode("Hello <|im_start|> 数学 e\u0301", SpecialTokens::kParse);
      EXPECT_FALSE(loaded->decode(ids, false).empty());
    } else {
      ++refused;
      EXPECT_GT(loaded.error().message.size(), std::string("tokenizer.json: ").size());
    }
  }
  EXPECT_GT(refused, 1000);  // most edits break something
}

}  // namespace
}  // namespace monocle
