// SPDX-License-Identifier: Apache-2.0
// Hand-checked properties, and hashes of pictures that tools/parity/resize.py has shown equal to
// torch and Pillow.
#include "media/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"

namespace monocle {
namespace {

Image noise(int width, int height, std::uint32_t seed) {
  Image image = make_image(width, height);
  std::uint32_t state = seed;
  for (std::uint8_t& value : image.rgb) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

std::string hash_of(const Image& image) {
  std::uint64_t value = 0xcbf29ce484222325U;
  for (const std::uint8_t byte : image.rgb) {
    value = (value ^ byte) * 0x100000001b3U;
  }
  return fmt::format("{:016x}", value);
}

struct Golden {
  Size2d from, to;
  const char* torchvision;
  const char* pillow;    // always width first
  const char* pillow13;  // height first where its rule says so
};

// Made by torch 2.13 and Pillow 13; "pillow" by two one-axis Pillow calls in the old order.
constexpr Golden kGoldens[] = {
#include "media/resize_goldens.inc"
};

TEST(Resize, EqualsTorchAndPillow) {
  ThreadPool pool(2);
  for (const Golden& golden : kGoldens) {
    const Image image = noise(golden.from.width, golden.from.height, 1);
    for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
      const auto hash = [&](ResizeForm form) {
        return hash_of(resize_bicubic(image, golden.to, form, threads));
      };
      SCOPED_TRACE(fmt::format("{}x{} -> {}x{}", golden.from.width, golden.from.height,
                               golden.to.width, golden.to.height));
      EXPECT_EQ(hash(ResizeForm::kTorchvision), golden.torchvision);
      EXPECT_EQ(hash(ResizeForm::kPillow), golden.pillow);
      EXPECT_EQ(hash(ResizeForm::kPillow13), golden.pillow13);
    }
  }
}

TEST(Resize, SameSizeIsACopy) {
  const Image image = noise(37, 5, 2);
  EXPECT_EQ(resize_bicubic(image, {37, 5}, ResizeForm::kTorchvision, nullptr).rgb, image.rgb);
}

TEST(Resize, AConstantPictureStaysConstant) {
  for (const std::uint8_t value :
       {std::uint8_t{0}, std::uint8_t{1}, std::uint8_t{128}, std::uint8_t{255}}) {
    Image image = make_image(53, 31);
    std::fill(image.rgb.begin(), image.rgb.end(), value);
    for (const ResizeForm form :
         {ResizeForm::kTorchvision, ResizeForm::kPillow, ResizeForm::kPillow13}) {
      for (const Size2d size : {Size2d{1, 1}, Size2d{7, 90}, Size2d{160, 3}, Size2d{64, 64}}) {
        const Image resized = resize_bicubic(image, size, form, nullptr);
        EXPECT_EQ(resized.size(), size);
        EXPECT_TRUE(std::all_of(resized.rgb.begin(), resized.rgb.end(),
                                [&](auto v) { return v == value; }));
      }
    }
  }
}

// A white line on black doubled in size: the lobes of the cubic go below black and above white and
// must clamp.
TEST(Resize, OvershootClampsInsteadOfWrapping) {
  Image image = make_image(16, 1);
  for (int x = 4; x < 12; ++x) {
    std::fill_n(image.row(0) + x * 3, 3, std::uint8_t{255});
  }
  const Image resized = resize_bicubic(image, {32, 1}, ResizeForm::kTorchvision, nullptr);
  EXPECT_EQ(resized.row(0)[0], 0);
  EXPECT_EQ(resized.row(0)[6 * 3], 0);
  EXPECT_EQ(resized.row(0)[9 * 3], 255);
  EXPECT_EQ(resized.row(0)[16 * 3], 255);
  EXPECT_TRUE(std::is_sorted(resized.rgb.begin(), resized.rgb.begin() + 48));
}

TEST(Resize, ChannelsDoNotMix) {
  Image image = noise(29, 23, 3);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
    image.rgb[i + 1] = 0;
    image.rgb[i + 2] = 255;
  }
  const Image resized = resize_bicubic(image, {41, 11}, ResizeForm::kTorchvision, nullptr);
  for (std::size_t i = 0; i < resized.rgb.size(); i += 3) {
    ASSERT_EQ(resized.rgb[i + 1], 0);
    ASSERT_EQ(resized.rgb[i + 2], 255);
  }
}

}  // namespace
}  // namespace monocle
