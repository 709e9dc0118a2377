// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/preprocess_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace monocle::qwen3_vl {
namespace {

using Json = nlohmann::json;

Json image_json() {
  return Json::parse(
      R"({"size": {"longest_edge": 16777216, "shortest_edge": 65536}, "patch_size": 16,
    "temporal_patch_size": 2, "merge_size": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast"})");
}

Json video_json() {
  Json json = image_json();
  json.erase("image_processor_type");
  json["video_processor_type"] = "Qwen3VLVideoProcessor";
  json["size"] = {{"longest_edge", 25165824}, {"shortest_edge", 4096}};
  return json;
}

TEST(PreprocessConfig, ReadsThePublishedFile) {
  const auto config = parse_preprocess_config(image_json().dump());
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->factor(), 32);
  EXPECT_EQ(config->temporal_patch_size, 2);
  EXPECT_EQ(config->pixels.min_pixels, 65536);
  EXPECT_EQ(config->pixels.max_pixels, 16777216);
  EXPECT_EQ(config->mean[2], 0.5);
}

TEST(PreprocessConfig, PlainPixelKeysWin) {
  Json json = image_json();
  json["min_pixels"] = 1024;
  json["max_pixels"] = 4096;
  const auto config = parse_preprocess_config(json.dump());
  ASSERT_TRUE(config.has_value());
  EXPECT_EQ(config->pixels.min_pixels, 1024);
  EXPECT_EQ(config->pixels.max_pixels, 4096);
}

TEST(PreprocessConfig, ExplicitDefaultsAreAccepted) {
  Json json = image_json();
  json["resample"] = 3;
  json["rescale_factor"] = 0.00392156862745098;
  json["do_resize"] = true;
  json["do_convert_rgb"] = nullptr;
  EXPECT_TRUE(parse_preprocess_config(json.dump()).has_value());
}

TEST(PreprocessConfig, RefusesByName) {
  struct Case {
    const char* key;
    Json value;
    const char* message;
  };
  const std::vector<Case> cases = {
      {"do_resize", false, "do_resize is false, only true is supported"},
      {"do_normalize", 0, "do_normalize is 0, only true is supported"},
      {"resample", 2, "resample is 2, only 3 (bicubic) is supported"},
      {"rescale_factor", 1.0, "rescale_factor is 1.0, only 1/255 is supported"},
      {"rescale_factor", "x", "rescale_factor is \"x\", only 1/255 is supported"},
      {"patch_size", 0, "patch_size is 0, expected an integer in 1..64"},
      {"patch_size", nullptr, "patch_size is missing"},
      {"patch_size", 16.5, "patch_size is 16.5, expected an integer in 1..64"},
      {"merge_size", 18446744073709551615U,
       "merge_size is 18446744073709551615, expected an integer in 1..8"},
      {"image_mean", Json::array({0.5, 0.5}),
       "image_mean is [0.5,0.5], expected 3 numbers in -10..10"},
      {"image_std", Json::array({0.5, 0.0, 0.5}),
       "image_std is [0.5,0.0,0.5], expected 3 numbers in 0.001..10"},
      {"size", nullptr, "size.shortest_edge is missing"},
      {"size", Json::object({{"shortest_edge", 5}}), "size.longest_edge is missing"},
      {"min_pixels", 16777217, "min_pixels is 16777217, expected 1..max_pixels (16777216)"},
      {"image_processor_type", "CLIPImageProcessor",
       "image_processor_type is \"CLIPImageProcessor\", which is not supported"},
  };
  for (const Case& test : cases) {
    Json json = image_json();
    json[test.key] = test.value;
    const auto config = parse_preprocess_config(json.dump());
    ASSERT_FALSE(config.has_value()) << test.message;
    EXPECT_EQ(config.error().message, test.message);
  }
  EXPECT_FALSE(parse_preprocess_config("").has_value());
  EXPECT_FALSE(parse_preprocess_config("[1]").has_value());
  EXPECT_FALSE(parse_preprocess_config("{").has_value());
}

TEST(VideoConfig, ReadsThePublishedFileAndItsOptions) {
  const auto plain = parse_video_config(video_json().dump());
  ASSERT_TRUE(plain.has_value()) << plain.error().message;
  EXPECT_EQ(plain->fps, 2.0);
  EXPECT_EQ(plain->min_frames, 4);
  EXPECT_EQ(plain->max_frames, 768);
  EXPECT_FALSE(plain->cap_pixels_per_frame);
  EXPECT_EQ(plain->frame.pixels.max_pixels, 25165824);
  Json json = video_json();
  json.update(
      {{"fps", 1.5}, {"min_frames", 2}, {"max_frames", 16}, {"cap_pixels_per_frame", true}});
  const auto set = parse_video_config(json.dump());
  ASSERT_TRUE(set.has_value()) << set.error().message;
  EXPECT_EQ(set->fps, 1.5);
  EXPECT_EQ(set->min_frames, 2);
  EXPECT_EQ(set->max_frames, 16);
  EXPECT_TRUE(set->cap_pixels_per_frame);
}

TEST(VideoConfig, RefusesByName) {
  const auto message = [](const char* key, const Json& value) {
    Json json = video_json();
    json[key] = value;
    const auto config = parse_video_config(json.dump());
    return config ? std::string("accepted") : config.error().message;
  };
  EXPECT_EQ(message("fps", 0), "fps is 0, expected a number above 0 and at most 1000");
  EXPECT_EQ(message("min_frames", 769), "min_frames is 769, expected an integer in 1..768");
  EXPECT_EQ(message("do_sample_frames", false),
            "do_sample_frames is false, only true is supported");
  EXPECT_EQ(message("cap_pixels_per_frame", "yes"),
            "cap_pixels_per_frame is \"yes\", expected true or false");
  EXPECT_EQ(message("video_processor_type", "Qwen2VLVideoProcessor"),
            "video_processor_type is \"Qwen2VLVideoProcessor\", which is not supported");
}

}  // namespace
}  // namespace monocle::qwen3_vl
