// SPDX-License-Identifier: Apache-2.0
#include "service/patch_store.h"

#include <gtest/gtest.h>

#include <thread>

#include "model/qwen3_vl/preprocess.h"

namespace monocle::service {
namespace {

qwen3_vl::PreprocessConfig config_of_model() {
  qwen3_vl::PreprocessConfig config;
  config.patch_size = 16;
  config.temporal_patch_size = 2;
  config.merge_size = 2;
  config.pixels = {1024, 1 << 20};
  config.mean = {0.5, 0.5, 0.5};
  config.std = {0.5, 0.5, 0.5};
  return config;
}

Image picture(int width, int height, int seed) {
  Image image = make_image(width, height);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    image.rgb[i] = static_cast<std::uint8_t>(i * 31 + static_cast<std::size_t>(seed));
  }
  return image;
}

std::vector<std::uint8_t> expected(const Image& image, const qwen3_vl::PreprocessConfig& config) {
  return qwen3_vl::preprocess_image(image, config, nullptr)->pixels;
}

TEST(PatchStore, UsedMemoryGivesTheSamePatches) {
  const qwen3_vl::PreprocessConfig config = config_of_model();
  const auto store = std::make_shared<PatchStore>(3, std::size_t{1} << 30);
  // Larger, smaller, larger again: what lay there before must not show.
  for (const int side : {320, 64, 256, 512, 96}) {
    const Image image = picture(side, side + 32, side);
    const auto patches = store->make(image, config);
    ASSERT_TRUE(patches.has_value()) << patches.error().message;
    EXPECT_EQ((*patches)->pixels, expected(image, config)) << side;
  }
  EXPECT_GT(store->kept_bytes(), 0U);
}

TEST(PatchStore, MemoryComesBackOnceAndNeverBeyondTheLimit) {
  const qwen3_vl::PreprocessConfig config = config_of_model();
  const Image image = picture(256, 256, 1);
  const std::size_t bytes = expected(image, config).size();
  const auto store = std::make_shared<PatchStore>(1, 2 * bytes);
  {
    std::vector<std::shared_ptr<const Patches>> held;
    for (int i = 0; i < 4; ++i) {
      held.push_back(*store->make(image, config));
    }
    EXPECT_EQ(store->kept_bytes(), 0U);
  }
  EXPECT_EQ(store->kept_bytes(), 2 * bytes);
  const auto patches = *store->make(image, config);
  EXPECT_EQ(store->kept_bytes(), bytes);
}

TEST(PatchStore, PatchesOutliveTheStoreAndComeFromManyThreads) {
  const qwen3_vl::PreprocessConfig config = config_of_model();
  auto store = std::make_shared<PatchStore>(2, std::size_t{1} << 30);
  std::vector<std::shared_ptr<const Patches>> held(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < held.size(); ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 5; ++round) {
        held[i] = *store->make(picture(128, 96, static_cast<int>(i)), config);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  store.reset();
  for (std::size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(held[i]->pixels, expected(picture(128, 96, static_cast<int>(i)), config));
  }
}

}  // namespace
}  // namespace monocle::service
