// SPDX-License-Identifier: Apache-2.0
// The files of tests/data/images against what Pillow reads from them
// (tools/goldens/make_images.py), and refusals.
#include "media/decode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace monocle {
namespace {

const std::string kFolder = MONOCLE_SOURCE_DIR "/tests/data/images/";

std::string read_text(const std::string& name) {
  std::ifstream file(kFolder + name, std::ios::binary);
  EXPECT_TRUE(file.good()) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string fnv1a(const std::vector<std::uint8_t>& bytes) {
  std::uint64_t value = 0xcbf29ce484222325U;
  for (const std::uint8_t byte : bytes) {
    value = (value ^ byte) * 0x100000001b3U;
  }
  return fmt::format("{:016x}", value);
}

struct Check {
  std::string file;
  std::string policy;
  std::vector<std::string> rest;
};

std::vector<Check> read_checks() {
  std::vector<Check> checks;
  std::istringstream lines(read_text("expected.tsv"));
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    Check check;
    std::getline(fields, check.file, '\t');
    std::getline(fields, check.policy, '\t');
    for (std::string field; std::getline(fields, field, '\t');) {
      check.rest.push_back(field);
    }
    checks.push_back(check);
  }
  return checks;
}

void PrintTo(const Check& check, std::ostream* out) { *out << check.file << ' ' << check.policy; }

class ImageFile : public testing::TestWithParam<Check> {};

TEST_P(ImageFile, DecodesAsPillowDoesOrIsRefused) {
  const Check& check = GetParam();
  const std::string bytes = read_text(check.file);
  DecodeOptions options;
  options.alpha = check.policy == "white" ? AlphaPolicy::kBlendOnWhite : AlphaPolicy::kDrop;
  const auto image = decode_image(as_bytes(bytes), options);
  if (check.policy == "error") {
    ASSERT_FALSE(image.has_value());
    ASSERT_EQ(check.rest.size(), 1U);
    EXPECT_NE(image.error().message.find(check.rest[0]), std::string::npos)
        << image.error().message;
    EXPECT_NE(image.error().code, ErrorCode::kInternal);
    return;
  }
  ASSERT_TRUE(image.has_value()) << image.error().message;
  ASSERT_EQ(check.rest.size(), 3U);
  EXPECT_EQ(std::to_string(image->width), check.rest[0]);
  EXPECT_EQ(std::to_string(image->height), check.rest[1]);
  EXPECT_EQ(image->rgb.size(), image->row_bytes() * static_cast<std::size_t>(image->height));
  EXPECT_EQ(fnv1a(image->rgb), check.rest[2]);
}

std::string test_name(const testing::TestParamInfo<Check>& info) {
  std::string name = info.param.file + "_" + info.param.policy;
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Data, ImageFile, testing::ValuesIn(read_checks()), test_name);

TEST(DecodeImage, EveryPrefixOfEveryFormatIsAnErrorAndNotACrash) {
  for (const char* name :
       {"jpeg_420.jpg", "jpeg_progressive.jpg", "png_interlaced.png", "webp_lossy_rgba.webp",
        "webp_animated.webp", "gif_interlaced.gif", "bmp_rle8.bmp", "bmp_24.bmp"}) {
    const std::string whole = read_text(name);
    // The last bytes may be padding or an end mark, or a second frame; two fifths of the file never
    // suffice.
    for (std::size_t length = 0; length < whole.size() * 2 / 5; length += 1 + whole.size() / 400) {
      const std::string prefix(whole, 0, length);
      const auto image = decode_image(as_bytes(prefix), DecodeOptions{});
      ASSERT_FALSE(image.has_value())
          << name << " cut to " << length << " of " << whole.size() << " bytes";
      ASSERT_FALSE(image.error().message.empty());
    }
  }
}

TEST(DecodeImage, HeaderHasTheStoredSizeAndTheFormatOfTheContent) {
  const std::string turned = read_text("jpeg_exif6.jpg");
  const auto header = image_header(as_bytes(turned), DecodeLimits{});
  ASSERT_TRUE(header.has_value());
  DecodeOptions as_stored;
  as_stored.apply_orientation = false;
  const auto stored = decode_image(as_bytes(turned), as_stored);
  const auto shown = decode_image(as_bytes(turned), DecodeOptions{});
  ASSERT_TRUE(stored.has_value() && shown.has_value());
  EXPECT_EQ((Size2d{header->width, header->height}), stored->size());
  EXPECT_EQ((Size2d{header->height, header->width}), shown->size());
  const std::string misnamed = read_text("jpeg_named_png.png");
  EXPECT_EQ(image_header(as_bytes(misnamed), DecodeLimits{})->format, ImageFormat::kJpeg);
}

TEST(DecodeImage, EachLimitIsNamedWithItsValue) {
  const std::string bytes = read_text("png_rgb.png");  // 34 x 22
  const auto message = [&](auto change) {
    DecodeOptions options;
    change(options.limits);
    const auto image = decode_image(as_bytes(bytes), options);
    return image ? std::string("decoded") : image.error().message;
  };
  EXPECT_EQ(message([](DecodeLimits&) {}), "decoded");
  EXPECT_EQ(
      message([&](DecodeLimits& l) { l.max_file_bytes = bytes.size() - 1; }),
      fmt::format("the image file has {} bytes, the limit is {}", bytes.size(), bytes.size() - 1));
  EXPECT_EQ(message([](DecodeLimits& l) { l.max_pixels = 747; }),
            "PNG image is 34x22 = 748 pixels, the limit is 747");
  EXPECT_EQ(message([](DecodeLimits& l) { l.max_pixels = 748; }), "decoded");
  EXPECT_EQ(message([](DecodeLimits& l) { l.max_side = 33; }),
            "PNG image is 34x22, the limit of a side is 33");
  EXPECT_EQ(message([](DecodeLimits& l) { l.min_side = 23; }),
            "PNG image is 34x22, each side must be at least 23");
  EXPECT_EQ(message([](DecodeLimits& l) { l.max_ratio = 1; }),
            "PNG image is 34x22, the longer side may be at most 1 times the shorter");
}

TEST(DecodeImage, KnownFormatsThatAreNotSupportedAreNamed) {
  using namespace std::string_literals;
  const std::vector<std::pair<std::string, std::string>> files = {
      {"II*\0\x08\0\0\0"s, "TIFF"},
      {"MM\0*\0\0\0\x08"s, "TIFF"},
      {"\0\0\0\x0cjP  \r\n\x87\n"s, "JPEG 2000"},
      {"\xff\x4f\xff\x51\0\x2f"s, "JPEG 2000"},
      {"\0\0\0\x0cJXL \r\n\x87\n"s, "JPEG XL"},
      {"\0\0\0\x20"s + "ftypavif\0\0\0\0"s, "AVIF"},
      {"\0\0\0\x18"s + "ftypheic\0\0\0\0"s, "HEIC"},
      {"\0\0\0\x18"s + "ftypmif1\0\0\0\0"s, "HEIC"},
      {"\0\0\0\x18"s + "ftypisom\0\0\0\0"s, "MP4 video"},
      {"\x1a\x45\xdf\xa3\x01"s, "Matroska video"},
      {"RIFF\0\0\0\0AVI LIST"s, "AVI video"},
      {"8BPS\0\x01"s, "Photoshop (PSD)"},
      {"%PDF-1.7\n"s, "PDF"},
      {"<svg xmlns=\"http://www.w3.org/2000/svg\"/>"s, "SVG"},
      {"\xef\xbb\xbf<?xml version=\"1.0\"?>\n<svg/>"s, "SVG"},
  };
  for (const auto& [bytes, name] : files) {
    const auto image = decode_image(as_bytes(bytes), DecodeOptions{});
    ASSERT_FALSE(image.has_value()) << name;
    EXPECT_EQ(image.error().code, ErrorCode::kUnsupported);
    EXPECT_EQ(image.error().message.find(name + " is not a supported image format: "), 0U)
        << image.error().message;
  }
}

}  // namespace
}  // namespace monocle
