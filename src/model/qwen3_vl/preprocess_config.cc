// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/preprocess_config.h"

#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace monocle::qwen3_vl {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kMaxPixels = std::int64_t{1} << 30;
constexpr int kBicubic = 3;

// A key that is absent or null.
const Json* find(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<std::int64_t> integer(const Json& object, const char* key, std::int64_t low,
                             std::int64_t high) {
  const Json* value = find(object, key);
  if (value == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "{} is missing", key);
  }
  // A number that does not fit int64 would wrap in get<>.
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX);
  const std::int64_t number = fits ? value->get<std::int64_t>() : low - 1;
  if (number < low || number > high) {
    return fail(ErrorCode::kInvalidArgument, "{} is {}, expected an integer in {}..{}", key,
                value->dump(), low, high);
  }
  return number;
}

Result<std::int32_t> small_integer(const Json& object, const char* key, std::int32_t low,
                                   std::int32_t high) {
  MONOCLE_ASSIGN(const std::int64_t number, integer(object, key, low, high));
  return static_cast<std::int32_t>(number);
}

Result<std::array<double, 3>> channels(const Json& object, const char* key, double low,
                                       double high) {
  const Json* value = find(object, key);
  if (value == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "{} is missing", key);
  }
  std::array<double, 3> result{};
  bool good = value->is_array() && value->size() == result.size();
  for (std::size_t i = 0; good && i < result.size(); ++i) {
    good = (*value)[i].is_number();
    result[i] = good ? (*value)[i].get<double>() : 0.0;
    good = good && result[i] >= low && result[i] <= high;
  }
  if (!good) {
    return fail(ErrorCode::kInvalidArgument, "{} is {}, expected 3 numbers in {}..{}", key,
                value->dump(), low, high);
  }
  return result;
}

Status must_be_true(const Json& object, const char* key) {
  const Json* value = find(object, key);
  if (value != nullptr && *value != true) {
    return fail(ErrorCode::kUnsupported, "{} is {}, only true is supported", key, value->dump());
  }
  return {};
}

Status must_be_known_type(const Json& object, const char* key,
                          std::initializer_list<const char*> known) {
  const Json* value = find(object, key);
  if (value == nullptr) {
    return {};
  }
  for (const char* name : known) {
    if (*value == name) {
      return {};
    }
  }
  return fail(ErrorCode::kUnsupported, "{} is {}, which is not supported", key, value->dump());
}

Status check_fixed_steps(const Json& object) {
  for (const char* key : {"do_resize", "do_rescale", "do_normalize", "do_convert_rgb"}) {
    MONOCLE_TRY(must_be_true(object, key));
  }
  if (const Json* resample = find(object, "resample");
      resample != nullptr && *resample != kBicubic) {
    return fail(ErrorCode::kUnsupported, "resample is {}, only {} (bicubic) is supported",
                resample->dump(), kBicubic);
  }
  if (const Json* factor = find(object, "rescale_factor")) {
    if (!factor->is_number() || std::fabs(factor->get<double>() * 255.0 - 1.0) > 1e-9) {
      return fail(ErrorCode::kUnsupported, "rescale_factor is {}, only 1/255 is supported",
                  factor->dump());
    }
  }
  return {};
}

// Plain keys win over the ones inside `size`, as in the reference.
Result<std::int64_t> area(const Json& object, const char* plain, const char* inside) {
  if (find(object, plain) != nullptr) {
    return integer(object, plain, 1, kMaxPixels);
  }
  const Json* size = find(object, "size");
  if (size == nullptr || !size->is_object()) {
    return fail(ErrorCode::kInvalidArgument, "size.{} is missing", inside);
  }
  auto value = integer(*size, inside, 1, kMaxPixels);
  if (!value) {
    return fail(value.error().code, "size.{}", value.error().message);
  }
  return value;
}

Result<PreprocessConfig> common(const Json& object) {
  MONOCLE_TRY(check_fixed_steps(object));
  PreprocessConfig config;
  MONOCLE_ASSIGN(config.patch_size, small_integer(object, "patch_size", 1, 64));
  MONOCLE_ASSIGN(config.temporal_patch_size, small_integer(object, "temporal_patch_size", 1, 8));
  MONOCLE_ASSIGN(config.merge_size, small_integer(object, "merge_size", 1, 8));
  MONOCLE_ASSIGN(config.mean, channels(object, "image_mean", -10.0, 10.0));
  MONOCLE_ASSIGN(config.std, channels(object, "image_std", 1e-3, 10.0));
  MONOCLE_ASSIGN(config.pixels.min_pixels, area(object, "min_pixels", "shortest_edge"));
  MONOCLE_ASSIGN(config.pixels.max_pixels, area(object, "max_pixels", "longest_edge"));
  MONOCLE_TRY(check_pixel_limits(config.pixels, config.factor()));
  return config;
}

Result<Json> parse_object(std::string_view json) {
  Json object = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) {
    return fail(ErrorCode::kInvalidArgument, "the preprocessor config is not a JSON object");
  }
  return object;
}

}  // namespace

Status check_pixel_limits(const PixelLimits& limits, std::int32_t factor) {
  if (limits.min_pixels < 1 || limits.min_pixels > limits.max_pixels) {
    return fail(ErrorCode::kInvalidArgument, "min_pixels is {}, expected 1..max_pixels ({})",
                limits.min_pixels, limits.max_pixels);
  }
  const std::int64_t least = std::int64_t{factor} * factor;
  if (limits.max_pixels < least || limits.max_pixels > kMaxPixels) {
    return fail(ErrorCode::kInvalidArgument, "max_pixels is {}, expected {}..{}", limits.max_pixels,
                least, kMaxPixels);
  }
  return {};
}

Result<PreprocessConfig> parse_preprocess_config(std::string_view json) {
  MONOCLE_ASSIGN(const Json object, parse_object(json));
  MONOCLE_TRY(must_be_known_type(
      object, "image_processor_type",
      {"Qwen2VLImageProcessor", "Qwen2VLImageProcessorFast", "Qwen2VLImageProcessorPil"}));
  return common(object);
}

Result<VideoConfig> parse_video_config(std::string_view json) {
  MONOCLE_ASSIGN(const Json object, parse_object(json));
  MONOCLE_TRY(must_be_known_type(object, "video_processor_type", {"Qwen3VLVideoProcessor"}));
  MONOCLE_TRY(must_be_true(object, "do_sample_frames"));
  VideoConfig config;
  MONOCLE_ASSIGN(config.frame, common(object));
  if (const Json* fps = find(object, "fps")) {
    config.fps = fps->is_number() ? fps->get<double>() : 0.0;
    if (!(config.fps > 0.0 && config.fps <= 1000.0)) {
      return fail(ErrorCode::kInvalidArgument,
                  "fps is {}, expected a number above 0 and at most 1000", fps->dump());
    }
  }
  constexpr std::int32_t kMaxFrames = 1 << 16;
  if (find(object, "max_frames") != nullptr) {
    MONOCLE_ASSIGN(config.max_frames, small_integer(object, "max_frames", 1, kMaxFrames));
  }
  if (find(object, "min_frames") != nullptr) {
    MONOCLE_ASSIGN(config.min_frames, small_integer(object, "min_frames", 1, config.max_frames));
  }
  if (const Json* cap = find(object, "cap_pixels_per_frame")) {
    if (!cap->is_boolean()) {
      return fail(ErrorCode::kInvalidArgument, "cap_pixels_per_frame is {}, expected true or false",
                  cap->dump());
    }
    config.cap_pixels_per_frame = cap->get<bool>();
  }
  if (find(object, "max_video_tokens") != nullptr) {
    MONOCLE_ASSIGN(config.max_frame_tokens,
                   small_integer(object, "max_video_tokens", 1, kMaxFrames));
  }
  return config;
}

}  // namespace monocle::qwen3_vl
