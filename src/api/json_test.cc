// SPDX-License-Identifier: Apache-2.0
#include "api/json.h"

#include <cmath>

#include "api/base64.h"
#include "api/json_writer.h"
#include "api/parse_limits.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

std::string again(const std::string& text) {
  const auto json = parse_json(text);
  return json ? dump(*json) : "error: " + json.error().message;
}

TEST(Json, KeepsOrderAndLongNumbers) {
  for (const std::string text :
       {R"({"z":1,"a":[true,false,null,"x",{}],"m":[]})", "123456789012345678901234567890",
        "-9223372036854775808", "18446744073709551615", "0.1", "\"\"", "[[[]]]"}) {
    EXPECT_EQ(again(text), text);
  }
  EXPECT_EQ(again("1e2"), "100.0");
  EXPECT_EQ(again("\"\\u4f60\\n\\u0000\""), "\"你\\n\\u0000\"");
}

TEST(Item08, TheLastOfTwoEqualKeysWins) {
  EXPECT_EQ(again(R"({"a":1,"b":2,"a":3})"), R"({"a":3,"b":2})");
  // The same with an index, which long objects get.
  std::string text = "{";
  std::string expected = "{";
  for (int i = 0; i < 100; ++i) {
    text += "\"k" + std::to_string(i) + "\":0,";
  }
  for (int i = 0; i < 100; ++i) {
    text += "\"k" + std::to_string(i) + "\":1" + (i == 99 ? "}" : ",");
    expected += "\"k" + std::to_string(i) + "\":1" + (i == 99 ? "}" : ",");
  }
  EXPECT_EQ(again(text), expected);
}

TEST(Item08, MalformedNamesTheByte) {
  const std::pair<std::string, std::string> table[] = {
      {"{\"a\":}", "byte 5"}, {"{", "byte 1"},          {"[1,]", "byte 3"},
      {"nul", "byte 3"},      {"{}x", "byte 2"},        {"\"\xff\"", "byte 1"},
      {"1e999", "byte"},      {"\"\\ud800\"", "byte 7"}};
  for (const auto& [text, where] : table) {
    const auto json = parse_json(text);
    ASSERT_FALSE(json) << text;
    EXPECT_EQ(json.error().status, 400);
    EXPECT_NE(json.error().message.find(where), std::string::npos) << json.error().message;
  }
  EXPECT_NE(again(" \n").find("empty"), std::string::npos);
  EXPECT_NE(again("").find("empty"), std::string::npos);
}

TEST(Item08, DepthIsLimited) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_TRUE(parse_json(nested(kMaxRequestDepth)));
  const auto deep = parse_json(nested(kMaxRequestDepth + 1));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().status, 400);
  EXPECT_NE(deep.error().message.find("64"), std::string::npos);
  EXPECT_FALSE(parse_json(std::string(5'000'000, '[')));
}

TEST(Json, TheNumberOfValuesIsLimited) {
  std::string text = "[";
  for (std::size_t i = 0; i < kMaxJsonValues; ++i) {
    text += "1,";
  }
  EXPECT_FALSE(parse_json(text + "1]"));
}

TEST(Json, ManyKeysCostNoSquare) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) {
    text += "\"" + std::to_string(i) + "\":1,";
  }
  const auto json = parse_json(text + "\"x\":2}");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->find("x")->number(), 2);
}

TEST(Writer, EscapesAndRepairs) {
  const auto written = [](std::string_view text) {
    std::string out;
    append_string(out, text);
    return out;
  };
  EXPECT_EQ(written("a\"\\\n\x01\x7f"), R"("a\"\\\n\u0001\u007f")");
  EXPECT_EQ(written("\xe4\xbd\xa0 \xf0\x9f\x98\x80"), "\"你 😀\"");
  EXPECT_EQ(written("\xe4\xbd"), "\"\xef\xbf\xbd\"");
  EXPECT_EQ(written("\xff\xfe"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
  std::string number;
  append_number(number, 1.0);
  append_number(number, std::nan(""));
  append_number(number, 1e300);
  EXPECT_EQ(number, "1.0null1e+300");
}

TEST(Base64, BothAlphabetsSpaceAndPadding) {
  const std::pair<std::string, std::string> table[] = {{"", ""},
                                                       {"QQ==", "A"},
                                                       {"QQ", "A"},
                                                       {"QUI=", "AB"},
                                                       {"QUI", "AB"},
                                                       {"QUJD", "ABC"},
                                                       {"Q U\nJ\tD\r", "ABC"},
                                                       {"-_-_", "\xfb\xff\xbf"},
                                                       {"+/+/", "\xfb\xff\xbf"},
                                                       {"QQ= =", "A"}};
  for (const auto& [text, bytes] : table) {
    EXPECT_EQ(decode_base64(text), bytes) << text;
  }
  for (const std::string text : {"A", "QUJDR", "Q*==", "QQ==QQ==", "QQ=A", "\xff"}) {
    EXPECT_FALSE(decode_base64(text)) << text;
  }
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 37);
  }
  EXPECT_EQ(encode_base64("A"), "QQ==");
  EXPECT_EQ(encode_base64("AB"), "QUI=");
}

}  // namespace
}  // namespace monocle::api
