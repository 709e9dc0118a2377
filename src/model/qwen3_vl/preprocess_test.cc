// SPDX-License-Identifier: Apache-2.0
// Against the definition: every value of every row is looked up in the resized picture by its
// indices.
#include "model/qwen3_vl/preprocess.h"

#include <gtest/gtest.h>

#include <vector>

#include "media/resize.h"
#include "model/qwen3_vl/preprocess_geometry.h"

namespace monocle::qwen3_vl {
namespace {

PreprocessConfig image_config() {
  PreprocessConfig config;
  config.patch_size = 4;
  config.temporal_patch_size = 2;
  config.merge_size = 2;
  config.pixels = {64, 4096};
  config.mean = {0.5, 0.4, 0.3};
  config.std = {0.5, 0.25, 0.2};
  return config;
}

Image noise(int width, int height, std::uint32_t seed) {
  Image image = make_image(width, height);
  std::uint32_t state = seed;
  for (std::uint8_t& value : image.rgb) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<std::uint8_t>(state >> 24);
  }
  return image;
}

float normalised(std::uint8_t value, std::size_t channel, const PreprocessConfig& config) {
  const auto mean = static_cast<float>(config.mean[channel]);
  const auto std = static_cast<float>(config.std[channel]);
  if (config.form == PreprocessForm::kTorchvision) {
    return (static_cast<float>(value) - mean * 255.0F) / (std * 255.0F);
  }
  return (static_cast<float>(value * 0.00392156862745098) - mean) / std;
}

// frames: resized, one per temporal slot of all groups.
void expect_rows(const Patches& patches, const std::vector<Image>& frames,
                 const PreprocessConfig& config) {
  const GridThw grid = patches.grid;
  const int patch = config.patch_size;
  const int merge = config.merge_size;
  const int temporal = config.temporal_patch_size;
  ASSERT_EQ(frames.size(), static_cast<std::size_t>(grid.t * temporal));
  ASSERT_EQ(grid.h * patch, frames[0].height);
  ASSERT_EQ(grid.w * patch, frames[0].width);
  const std::vector<float> rows = patch_values(patches, temporal);
  std::size_t at = 0;
  for (int t = 0; t < grid.t; ++t) {
    for (int block_row = 0; block_row < grid.h / merge; ++block_row) {
      for (int block_column = 0; block_column < grid.w / merge; ++block_column) {
        for (int inside = 0; inside < merge * merge; ++inside) {
          const int top = (block_row * merge + inside / merge) * patch;
          const int left = (block_column * merge + inside % merge) * patch;
          for (std::size_t c = 0; c < 3; ++c) {
            for (int i = 0; i < temporal * patch * patch; ++i, ++at) {
              const Image& frame =
                  frames[static_cast<std::size_t>(t * temporal + i / (patch * patch))];
              const int y = top + i % (patch * patch) / patch;
              const int x = left + i % patch;
              ASSERT_EQ(rows[at],
                        normalised(frame.row(y)[static_cast<std::size_t>(x) * 3 + c], c, config));
            }
          }
        }
      }
    }
  }
  EXPECT_EQ(at, rows.size());
}

TEST(PreprocessImage, RowsFollowTheDefinitionInEveryForm) {
  ThreadPool pool(2);
  const Image image = noise(37, 21, 1);
  for (const PreprocessForm form :
       {PreprocessForm::kTorchvision, PreprocessForm::kPillow, PreprocessForm::kPillow13}) {
    PreprocessConfig config = image_config();
    config.form = form;
    const ResizeForm resize = form == PreprocessForm::kTorchvision ? ResizeForm::kTorchvision
                              : form == PreprocessForm::kPillow    ? ResizeForm::kPillow
                                                                   : ResizeForm::kPillow13;
    const Image resized = resize_bicubic(image, {40, 24}, resize, nullptr);
    for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &pool}) {
      const auto patches = preprocess_image(image, config, threads);
      ASSERT_TRUE(patches.has_value()) << patches.error().message;
      EXPECT_EQ(patches->grid, (GridThw{1, 6, 10}));
      expect_rows(*patches, {resized, resized}, config);
    }
  }
}

TEST(PreprocessImage, LimitsOfOnePictureAreThoseOfItsConfig) {
  PreprocessConfig config = image_config();
  config.pixels = {64, 256};
  EXPECT_EQ(preprocess_image(noise(64, 64, 1), config, nullptr)->grid, (GridThw{1, 4, 4}));
  config.pixels = {64, 63};
  EXPECT_FALSE(preprocess_image(noise(64, 64, 1), config, nullptr).has_value());
}

TEST(PreprocessVideo, AnOddLastFrameFillsItsGroup) {
  VideoConfig config;
  config.frame = image_config();
  config.frame.form = PreprocessForm::kPillow;  // images only
  const std::vector<Image> frames = {noise(20, 16, 1), noise(20, 16, 2), noise(20, 16, 3)};
  const auto patches = preprocess_video(frames, config, nullptr);
  ASSERT_TRUE(patches.has_value()) << patches.error().message;
  EXPECT_EQ(patches->grid, (GridThw{2, 4, 4}));
  const auto resized = [&](std::size_t i) {
    return resize_bicubic(frames[i], {16, 16}, ResizeForm::kTorchvision, nullptr);
  };
  PreprocessConfig torch = config.frame;
  torch.form = PreprocessForm::kTorchvision;
  expect_rows(*patches, {resized(0), resized(1), resized(2), resized(2)}, torch);
}

TEST(PreprocessVideo, OneFrameStandsForTwo) {
  VideoConfig config;
  config.frame = image_config();
  const std::vector<Image> one = {noise(24, 16, 4)};
  const std::vector<Image> two = {one[0], one[0]};
  EXPECT_EQ(preprocess_video(one, config, nullptr)->pixels,
            preprocess_video(two, config, nullptr)->pixels);
}

TEST(PreprocessVideo, RefusesNoFramesAndMixedSizes) {
  VideoConfig config;
  config.frame = image_config();
  EXPECT_EQ(preprocess_video({}, config, nullptr).error().message,
            "video has 0 frames, at least 1 is needed");
  const std::vector<Image> mixed = {noise(24, 16, 1), noise(16, 24, 1)};
  EXPECT_EQ(preprocess_video(mixed, config, nullptr).error().message,
            "video has frames of 24x16 and of 16x24, all must have one size");
}

}  // namespace
}  // namespace monocle::qwen3_vl
