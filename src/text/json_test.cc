// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <limits>

#include "text/json_scan.h"
#include "text/python_json.h"

namespace monocle {
namespace {

TEST(JsonScanner, RawValues) {
  for (const std::string text : {"1", "-1.5e3", "true", "null", "\"a\\\"]\"", "[]", "{}",
                                 R"({"a": [1, {"b": "}"}], "c": "\\"})"}) {
    std::string_view value;
    const std::string padded = " " + text + " ,";
    JsonScanner again(padded);
    ASSERT_TRUE(again.raw_value(value)) << again.error();
    EXPECT_EQ(value, text);
    EXPECT_TRUE(again.accept(','));
    EXPECT_TRUE(again.expect_end());
  }
  for (const char* text : {"", " ", "[", "{\"a\"", "\"a", "\"a\\", "]", ",", ":", "[\"\n\"]"}) {
    JsonScanner scan(text);
    std::string_view value;
    EXPECT_FALSE(scan.raw_value(value)) << text;
    EXPECT_FALSE(scan.error().empty()) << text;
    EXPECT_FALSE(scan.accept('x'));
  }
}

TEST(JsonScanner, Integers) {
  std::uint32_t value = 0;
  JsonScanner good(" 42,");
  EXPECT_TRUE(good.unsigned_integer(42, value));
  EXPECT_EQ(value, 42U);
  for (const char* text : {"43", "-1", "x", "", "99999999999"}) {
    JsonScanner bad(text);
    EXPECT_FALSE(bad.unsigned_integer(42, value)) << text;
  }
  JsonScanner fraction("4.5");  // the digits are taken, what follows is the caller's error
  EXPECT_TRUE(fraction.unsigned_integer(42, value));
  EXPECT_FALSE(fraction.expect('}'));
  EXPECT_EQ(fraction.error(), "} expected at byte 1");
}

TEST(JsonUnescape, Escapes) {
  std::string out;
  EXPECT_TRUE(json_unescape(R"(a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude42)", out));
  EXPECT_EQ(out, "a\"\\/\b\f\n\r\té🙂");
  for (const char* bad : {"\\", "\\x", "\\u12", "\\u12g4", "\\ud83d", "\\ud83dx", "\\ud83d\\u0041",
                          "\\ude42", "\\u+123"}) {
    EXPECT_FALSE(json_unescape(bad, out)) << bad;
  }
}

TEST(PythonJson, LaidOutLikeJsonDumps) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"b":1,"a":[1,2,{}],"c":{"d":null}})", R"({"b": 1, "a": [1, 2, {}], "c": {"d": null}})"},
      {"[]", "[]"},
      {"[[],[ ],{}]", "[[], [], {}]"},
      {"\"x\"", "\"x\""},
      {" true ", "true"},
      {R"(["é \u4f60 <b>&\/ \u007f \u0001 \" \\ \n"])",
       "[\"é 你 <b>&/ \x7f \\u0001 \\\" \\\\ \\n\"]"},
      {"[1.0,1e2,0.1,-0.0,1E-7,1e16,123456789012345678901234567890,-5]",
       "[1.0, 100.0, 0.1, -0.0, 1e-07, 1e+16, 123456789012345678901234567890, -5]"},
  };
  for (const auto& [json, expected] : cases) {
    const auto written = to_python_json(json);
    ASSERT_TRUE(written.has_value()) << json << ": " << written.error().message;
    EXPECT_EQ(*written, expected);
  }
}

TEST(PythonJson, FloatsLikeRepr) {
  const std::pair<double, const char*> cases[] = {
      {1e15, "1000000000000000.0"},
      {1e16, "1e+16"},
      {1.5e16, "1.5e+16"},
      {123456789012345680.0, "1.2345678901234568e+17"},
      {1e-4, "0.0001"},
      {1e-5, "1e-05"},
      {1.5e-7, "1.5e-07"},
      {0.30000000000000004, "0.30000000000000004"},
      {1e22, "1e+22"},
      {123.456, "123.456"},
      {0.0, "0.0"},
      {-2.5, "-2.5"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::max(), "1.7976931348623157e+308"}};
  for (const auto& [value, expected] : cases) {
    EXPECT_EQ(python_float(value), expected);
  }
}

TEST(PythonJson, Refused) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "not valid JSON"},
      {"{\"a\": 1", "not valid JSON at byte"},
      {"[1,]", "not valid JSON at byte"},
      {"[1e999]", "not valid JSON"},
      {"\"\\ud800\"", "not valid JSON"},
      {"\"\xff\"", "not valid JSON"},
      {R"({"a":1,"a":2})", "the key \"a\" twice"},
      {std::string(kMaxJsonDepth + 1, '['), "deeper than 128"},
      {std::string(kMaxJsonBytes + 1, ' '), "the limit is 4194304"},
  };
  for (const auto& [json, part] : cases) {
    const auto written = to_python_json(json);
    ASSERT_FALSE(written.has_value()) << json.substr(0, 50);
    EXPECT_NE(written.error().message.find(part), std::string::npos) << written.error().message;
  }
  EXPECT_TRUE(to_python_json(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']'))
                  .has_value());
}

}  // namespace
}  // namespace monocle
