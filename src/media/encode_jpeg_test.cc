// SPDX-License-Identifier: Apache-2.0
#include "media/encode_jpeg.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <span>

#include "media/decode.h"

namespace monocle {
namespace {

TEST(EncodeJpeg, ComesBackAlmostTheSame) {
  Image image = make_image(37, 21);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width * 3; ++x) {
      image.row(y)[x] = static_cast<std::uint8_t>(x * 2 + y);
    }
  }
  const std::string bytes = encode_jpeg(image, 95);
  const auto back = decode_image(std::as_bytes(std::span(bytes)), {});
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), image.size());
  double off = 0;
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    off += std::abs(int{image.rgb[i]} - int{back->rgb[i]});
  }
  EXPECT_LT(off / static_cast<double>(image.rgb.size()), 12) << "chroma is halved, nothing else";
}

TEST(EncodeJpeg, LowerQualityIsSmaller) {
  const Image image = make_image(64, 64);
  EXPECT_LE(encode_jpeg(image, 30).size(), encode_jpeg(image, 90).size());
  EXPECT_EQ(encode_jpeg(make_image(1, 1), 50).substr(0, 2), "\xff\xd8");
}

}  // namespace
}  // namespace monocle
