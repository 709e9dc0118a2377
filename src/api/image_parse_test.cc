// SPDX-License-Identifier: Apache-2.0
#include "api/image_parse.h"

#include "api/base64.h"
#include "api/test_requests.h"

namespace monocle::api {
namespace {

using test::bad;
using test::good;
using test::part;

std::string image(const std::string& value) {
  return part(R"({"type":"image_url","image_url":)" + value + "}");
}
std::string url(const std::string& text) { return image("{\"url\":\"" + text + "\"}"); }

TEST(Item27, ObjectOrBareString) {
  const ChatRequest object = good(url("data:image/png;base64,QUJD"));
  EXPECT_EQ(object.images[0].bytes, "ABC");
  EXPECT_EQ(object.images[0].path, "messages[0].content[0].image_url.url");
  const ChatRequest bare = good(image("\"data:image/png;base64,QUJD\""));
  EXPECT_EQ(bare.images[0].bytes, "ABC");
  EXPECT_EQ(bare.images[0].path, "messages[0].content[0].image_url");
  EXPECT_EQ(bad(image("5")).param, "messages[0].content[0].image_url");
  EXPECT_EQ(bad(image("{}")).param, "messages[0].content[0].image_url.url");
  EXPECT_EQ(bad(part(R"({"type":"image_url"})")).param, "messages[0].content[0].image_url");
}

TEST(Item28, DataUrisAsClientsWriteThem) {
  for (const std::string text :
       {"data:image/png;base64,QUJD", "data:;base64,QUJD", "DATA:image/JPEG;BASE64,QUJD",
        "data:application/octet-stream;name=x.png;base64,QUJD", "data:image/png;base64,QU JD",
        "data:image/png;base64,QUJD\\n", " data:image/png;base64,QUJD",
        "data:image/png;base64,%51UJD"}) {
    EXPECT_EQ(good(url(text)).images[0].bytes, "ABC") << text;
  }
  EXPECT_EQ(good(url("data:;base64,QQ")).images[0].bytes, "A");
  EXPECT_EQ(good(url("data:;base64,-_-_")).images[0].bytes, "\xfb\xff\xbf");
  EXPECT_EQ(good(url("data:;base64,%2B%2f%2b%2F")).images[0].bytes, "\xfb\xff\xbf");
  const std::pair<std::string, std::string> table[] = {
      {"data:image/png;base64,", "invalid_base64"},
      {"data:image/png;base64,Q", "invalid_base64"},
      {"data:image/png;base64,QQ==QQ", "invalid_base64"},
      {"data:image/png;base64,\\u4f60", "invalid_base64"},
      {"data:image/png;base64", "invalid_image_url"},
      {"data:image/png,abc", "invalid_image_url"},
      {"data:,", "invalid_image_url"},
      {"QUJD", "invalid_image_url"},
      {"", "invalid_image_url"},
      {"ftp://x/y.png", "invalid_image_url"}};
  for (const auto& [text, code] : table) {
    const ApiError error = bad(url(text));
    EXPECT_EQ(error.status, 400);
    EXPECT_EQ(error.code, code) << text;
    EXPECT_EQ(error.param, "messages[0].content[0].image_url.url");
  }
}

TEST(Item28, SizeIsLimitedBeforeAndAfterDecoding) {
  ParseLimits limits = test::limits();
  limits.max_image_bytes = 1000;
  const auto sized = [&](std::size_t bytes) {
    return parse_chat(url("data:;base64," + encode_base64(std::string(bytes, 'x'))), limits);
  };
  EXPECT_TRUE(sized(1000));
  for (const std::size_t bytes : {std::size_t{1001}, std::size_t{100'000}}) {
    const auto request = sized(bytes);
    ASSERT_FALSE(request);
    EXPECT_EQ(request.error().status, 413);
    EXPECT_NE(request.error().message.find("1000"), std::string::npos);
  }
}

TEST(Item29, DetailIsAPixelBudget) {
  const auto detail = [](const std::string& word) {
    return image(R"({"url":"data:;base64,QUJD","detail":")" + word + "\"}");
  };
  EXPECT_EQ(good(detail("low")).images[0].max_pixels, 512 * 512);
  EXPECT_FALSE(good(detail("auto")).images[0].max_pixels);
  EXPECT_FALSE(good(detail("high")).images[0].max_pixels);
  ParseLimits limits = test::limits();
  limits.high_detail_pixels = 4'000'000;
  EXPECT_EQ(parse_chat(detail("high"), limits)->images[0].max_pixels, 4'000'000);
  EXPECT_EQ(bad(detail("ultra")).param, "messages[0].content[0].image_url.detail");
}

TEST(Item30, PixelsOfThePartWinOverThoseOfTheRequest) {
  const std::string kwargs = R"(,"mm_processor_kwargs":{"min_pixels":1000,"max_pixels":9000}})";
  const auto request = [&](const std::string& value) {
    std::string body = image(value);
    body.pop_back();
    return body + kwargs;
  };
  const EncodedImage plain = good(request(R"({"url":"data:;base64,QQ"})")).images[0];
  EXPECT_EQ(plain.min_pixels, 1000);
  EXPECT_EQ(plain.max_pixels, 9000);
  const EncodedImage own =
      good(request(R"({"url":"data:;base64,QQ","max_pixels":5000})")).images[0];
  EXPECT_EQ(own.min_pixels, 1000);
  EXPECT_EQ(own.max_pixels, 5000);
  EXPECT_EQ(bad(request(R"({"url":"data:;base64,QQ","max_pixels":500})")).code, "invalid_value");
  EXPECT_EQ(bad(request(R"({"url":"data:;base64,QQ","max_pixels":0})")).param,
            "messages[0].content[0].image_url.max_pixels");
  const ChatRequest edges =
      good(test::part(R"({"type":"image_url","image_url":"data:;base64,QQ"})")
               .insert(1, R"("mm_processor_kwargs":{"size":{"shortest_edge":64,
                                             "longest_edge":128}},)"));
  EXPECT_EQ(edges.images[0].max_pixels, 128);
  EXPECT_EQ(bad(test::chat_with(R"("mm_processor_kwargs":{"do_resize":false})")).param,
            "mm_processor_kwargs.do_resize");
}

TEST(Item36, NothingIsFetched) {
  const std::pair<std::string, std::string> table[] = {
      {"http://example.com/a.png", "remote_media_disabled"},
      {"https://example.com/a.png", "remote_media_disabled"},
      {"HTTPS://169.254.169.254/x", "remote_media_disabled"},
      {" http:// x", "remote_media_disabled"},
      {"file:///etc/passwd", "file_url_refused"},
      {"FILE:/etc/passwd", "file_url_refused"},
      {"/etc/passwd", "invalid_image_url"},
      {"gopher://x", "invalid_image_url"},
      {"\\\\\\\\host\\\\share", "invalid_image_url"}};
  for (const auto& [text, code] : table) {
    EXPECT_EQ(bad(url(text)).code, code) << text;
  }
}

}  // namespace
}  // namespace monocle::api
