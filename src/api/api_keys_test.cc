// SPDX-License-Identifier: Apache-2.0
#include "api/api_keys.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/constant_time.h"
#include "api/sha256.h"

namespace monocle::api {
namespace {

std::string hex(std::string_view text) {
  std::string out;
  for (const std::uint8_t byte : sha256(text)) {
    out += fmt::format("{:02x}", byte);
  }
  return out;
}

TEST(Sha256, VectorsOfTheStandard) {
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(
      hex("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmn"
          "opqrlmnopqrsmnopqrstnopqrstu"),
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  // Around the block's end, where the padding takes one block more.
  EXPECT_EQ(hex(std::string(55, 'a')),
            "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
  EXPECT_EQ(hex(std::string(56, 'a')),
            "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a");
  EXPECT_EQ(hex(std::string(64, 'a')),
            "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

const std::string kKey = "sk-0123456789abcdef";
const std::string kOther = "sk-fedcba9876543210";

TEST(Item02, EveryHeaderCountsTheSame) {
  const auto keys = ApiKeys::parse("# comment\n\n alice: " + kKey + "\r\n" + kOther, "keys");
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->size(), 2U);
  const std::string bearer = "Bearer " + kKey;
  const auto caller = keys->check({bearer, "", ""});
  ASSERT_TRUE(caller);
  EXPECT_EQ(keys->check({"", kKey, ""}), caller);
  EXPECT_EQ(keys->check({"", "", kKey}), caller);
  EXPECT_EQ(keys->check({"bearer  " + kKey + " ", "", ""}), caller);
  // SDKs send a placeholder in one header and the key in another.
  EXPECT_EQ(keys->check({"Bearer dummy", kKey, ""}), caller);
  EXPECT_NE(keys->check({"", kOther, ""}), caller);
  EXPECT_TRUE(keys->check({"", kOther, ""}));
}

TEST(Item02, WrongKeysAndForms) {
  const auto keys = ApiKeys::parse(kKey, "keys");
  ASSERT_TRUE(keys);
  const std::string nearly = kKey.substr(0, kKey.size() - 1);
  for (const std::string& value : {std::string(), std::string("Bearer"), std::string("Bearer "),
                                   "Bearer " + nearly, "Bearer " + kKey + "x", "Basic " + kKey,
                                   kKey, "Bearer" + kKey, "Bearer " + std::string(100'000, 'x')}) {
    EXPECT_FALSE(keys->check({value, "", ""})) << value.substr(0, 40);
  }
  EXPECT_FALSE(keys->check({"", nearly, "alice"}));
  EXPECT_FALSE(keys->check({"", "", ""}));
}

// Counts what is done with it.
struct Counted {
  int value = 0;
  static inline int operations = 0;
  friend Counted operator^(Counted a, Counted b) {
    ++operations;
    return {a.value ^ b.value};
  }
  friend Counted operator|(Counted a, Counted b) {
    ++operations;
    return {a.value | b.value};
  }
  friend bool operator==(Counted a, int b) {
    ++operations;
    return a.value == b;
  }
};

TEST(KeyTiming, WhereAKeyDiffersDoesNotChangeTheWork) {
  const std::vector<Counted> key(32, Counted{7});
  const auto work = [&](const std::vector<Counted>& other, bool same) {
    Counted::operations = 0;
    EXPECT_EQ(same_secret<Counted>(key, other), same);
    return Counted::operations;
  };
  const int whole = work(key, true);
  EXPECT_GE(whole, 64);
  for (std::size_t i = 0; i < key.size(); ++i) {
    for (const int bit : {1, 2, 128}) {
      std::vector<Counted> other = key;
      other[i].value ^= bit;
      EXPECT_EQ(work(other, false), whole) << "byte " << i;
    }
  }
}

TEST(Item02, FilesThatAreRefused) {
  const std::pair<std::string, std::string> table[] = {
      {"", "no key"},
      {"# only a comment\n\n", "no key"},
      {"short\n", "line 1"},
      {kKey + "\nbob: short\n", "line 2"},
      {"key with spaces inside it\n", "line 1"},
      {"sk-0123456789abcd\xc3\xa9\n", "line 1"},
      {std::string(600, 'x'), "line 1"},
  };
  for (const auto& [text, words] : table) {
    const auto keys = ApiKeys::parse(text, "keys.txt");
    ASSERT_FALSE(keys) << text;
    EXPECT_NE(keys.error().message.find(words), std::string::npos) << keys.error().message;
    EXPECT_NE(keys.error().message.find("keys.txt"), std::string::npos);
    EXPECT_EQ(keys.error().message.find("short\n"), std::string::npos);
  }
}

}  // namespace
}  // namespace monocle::api
