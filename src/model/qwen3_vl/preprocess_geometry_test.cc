// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/preprocess_geometry.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace monocle::qwen3_vl {
namespace {

constexpr PixelLimits kImageLimits{65536, 16777216};

VideoConfig video_config() {
  VideoConfig config;
  config.frame.patch_size = 16;
  config.frame.temporal_patch_size = 2;
  config.frame.merge_size = 2;
  config.frame.pixels = {4096, 25165824};
  return config;
}

std::string refusal(const Result<Size2d>& result) {
  return result ? "accepted" : result.error().message;
}

TEST(SmartResize, PublishedExamples) {
  struct Example {
    Size2d source, target;
  };
  constexpr Example kExamples[] = {
      {{2048, 1365}, {2048, 1376}}, {{1920, 1080}, {1920, 1088}}, {{1280, 720}, {1280, 704}},
      {{100, 100}, {256, 256}},     {{80, 48}, {352, 224}},       {{1000, 10}, {2560, 32}},
      {{5000, 5000}, {4096, 4096}}, {{1440, 3120}, {1440, 3136}}, {{200, 1}, {3648, 32}},
  };
  for (const Example& example : kExamples) {
    EXPECT_EQ(smart_resize(example.source, 32, kImageLimits).value(), example.target);
  }
}

TEST(SmartResize, HalvesRoundToEven) {
  constexpr PixelLimits kNoLimit{1, 1 << 30};
  EXPECT_EQ(smart_resize({48, 80}, 32, kNoLimit).value(), (Size2d{64, 64}));
  EXPECT_EQ(smart_resize({112, 144}, 32, kNoLimit).value(), (Size2d{128, 128}));
}

TEST(SmartResize, RefusesWithTheValueAndTheLimit) {
  EXPECT_EQ(refusal(smart_resize({201, 1}, 32, kImageLimits)),
            "image is 201x1, the longer side may be at most 200 times the shorter");
  EXPECT_EQ(refusal(smart_resize({0, 5}, 32, kImageLimits)),
            "image is 0x5, each side must be in 1..1048576");
  EXPECT_EQ(refusal(smart_resize({10, 10}, 32, {0, 4096})),
            "min_pixels is 0, expected 1..max_pixels (4096)");
  EXPECT_EQ(refusal(smart_resize({10, 10}, 32, {5000, 4096})),
            "min_pixels is 5000, expected 1..max_pixels (4096)");
  EXPECT_EQ(refusal(smart_resize({10, 10}, 32, {1, 1023})),
            "max_pixels is 1023, expected 1024..1073741824");
}

TEST(SmartResize, EverySizeIsAPositiveMultipleInsideTheLimits) {
  for (int height = 1; height < 3000; height = height * 5 / 4 + 1) {
    for (int width = 1; width < 3000; width = width * 4 / 3 + 1) {
      if (std::max(height, width) > 200 * std::min(height, width)) {
        continue;
      }
      const Size2d size = smart_resize({width, height}, 32, kImageLimits).value();
      EXPECT_TRUE(size.width > 0 && size.height > 0 && size.width % 32 == 0 &&
                  size.height % 32 == 0);
      const std::int64_t area = std::int64_t{size.width} * size.height;
      EXPECT_GE(area, kImageLimits.min_pixels);
      EXPECT_LE(area, kImageLimits.max_pixels);
    }
  }
}

TEST(SmartResizeVideo, PublishedExamples) {
  struct Example {
    std::int64_t frames;
    Size2d source, target;
  };
  constexpr Example kExamples[] = {
      {24, {1920, 1080}, {1344, 768}}, {768, {1920, 1080}, {224, 128}},
      {4, {1280, 720}, {1280, 704}},   {17, {1280, 720}, {1280, 704}},
      {120, {1280, 720}, {608, 320}},
  };
  for (const Example& example : kExamples) {
    EXPECT_EQ(smart_resize_video(example.frames, example.source, video_config()).value(),
              example.target);
  }
}

TEST(SmartResizeVideo, SmallSidesGrowBeforeTheRatioIsChecked) {
  EXPECT_EQ(refusal(smart_resize_video(2, {300, 1}, video_config())),
            "image is 9600x32, the longer side may be at most 200 times the shorter");
  EXPECT_EQ(refusal(smart_resize_video(1, {64, 64}, video_config())),
            "video has 1 frames, at least 2 are needed");
  EXPECT_EQ(refusal(smart_resize_video(769, {64, 64}, video_config())),
            "video has 769 frames, the limit is 768");
}

TEST(SmartResizeVideo, FramesCanBeCapped) {
  VideoConfig config = video_config();
  EXPECT_EQ(smart_resize_video(4, {1920, 1080}, config).value(), (Size2d{1920, 1088}));
  config.cap_pixels_per_frame = true;  // 768 tokens of 32x32 pixels
  EXPECT_EQ(smart_resize_video(4, {1920, 1080}, config).value(), (Size2d{1152, 640}));
}

TEST(SampleFrames, CountsAndRounding) {
  const VideoConfig config = video_config();
  using Frames = std::vector<std::int64_t>;
  EXPECT_EQ(sample_frames(23, 10.0, config, std::nullopt).value(), (Frames{0, 7, 15, 22}));
  EXPECT_EQ(sample_frames(10, 30.0, config, std::nullopt).value(),
            (Frames{0, 3, 6, 9}));  // at least 4
  EXPECT_EQ(sample_frames(3, 30.0, config, std::nullopt).value(),
            (Frames{0, 1, 2}));  // but not more than exist
  EXPECT_EQ(sample_frames(1, 30.0, config, std::nullopt).value(), (Frames{0}));
  EXPECT_EQ(sample_frames(1'000'000, 1.0, config, std::nullopt).value().size(), 768U);
  EXPECT_EQ(sample_frames(6, 30.0, config, 3).value(), (Frames{0, 2, 5}));  // 2.5 rounds to 2
  EXPECT_EQ(sample_frames(9, 1e-300, config, std::nullopt).value().size(), 9U);
}

TEST(SampleFrames, RefusesNonsense) {
  const VideoConfig config = video_config();
  EXPECT_FALSE(sample_frames(0, 30.0, config, std::nullopt).has_value());
  for (const double fps : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(sample_frames(10, fps, config, std::nullopt).has_value());
  }
  EXPECT_EQ(sample_frames(5, 30.0, config, 6).error().message, "num_frames is 6, expected 1..5");
  EXPECT_FALSE(sample_frames(5, 30.0, config, 0).has_value());
}

TEST(GroupSeconds, AnIncompleteGroupRepeatsItsLastFrame) {
  const std::vector<std::int64_t> indices = {0, 10, 20, 30, 40};
  EXPECT_EQ(group_seconds(indices, 10.0, 2), (std::vector<double>{0.5, 2.5, 4.0}));
  EXPECT_EQ(group_seconds({}, 10.0, 2), std::vector<double>{});
}

TEST(TimestampText, RoundsTheBinaryValueToEven) {
  EXPECT_EQ(timestamp_text(0.0), "<0.0 seconds>");
  EXPECT_EQ(timestamp_text(0.25), "<0.2 seconds>");
  EXPECT_EQ(timestamp_text(0.75), "<0.8 seconds>");
  EXPECT_EQ(timestamp_text(0.15), "<0.1 seconds>");
  EXPECT_EQ(timestamp_text(0.35), "<0.3 seconds>");
  EXPECT_EQ(timestamp_text(12345.96), "<12346.0 seconds>");
}

}  // namespace
}  // namespace monocle::qwen3_vl
