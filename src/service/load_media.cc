// SPDX-License-Identifier: Apache-2.0
#include "service/load_media.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "api/errors.h"
#include "base/hash.h"
#include "media/decode.h"
#include "model/qwen3_vl/preprocess.h"
#include "model/qwen3_vl/preprocess_geometry.h"

namespace monocle::service {
namespace {

using api::ApiResult;

// Of all frames of a request's videos before they are shrunk: 768 of 1920 x 1080 are within it and
// take a core about twenty seconds.
constexpr std::int64_t kMaxVideoPixels = std::int64_t{1} << 31;

struct LoadedImage {
  std::shared_ptr<const Patches> patches;
  Hash128 file;
  api::EstimatedImage facts;
};

tl::unexpected<api::ApiError> refuse(const Error& error, const std::string& path) {
  return tl::unexpected(api::from_error(error, path));
}

// The request's budget, within the model's, and within the longest side that the server allows.
Result<qwen3_vl::PreprocessConfig> budget(const Served& served, const api::EncodedImage& image,
                                          Size2d size) {
  qwen3_vl::PreprocessConfig config = *served.image;
  qwen3_vl::PixelLimits& pixels = config.pixels;
  pixels.min_pixels = image.min_pixels.value_or(pixels.min_pixels);
  pixels.max_pixels = std::min(image.max_pixels.value_or(pixels.max_pixels), pixels.max_pixels);
  const double longest = std::max(size.width, size.height);
  if (served.max_image_side > 0 && longest > served.max_image_side) {
    const double scale = served.max_image_side / longest;
    const double area = scale * size.width * scale * size.height;
    const double least = static_cast<double>(config.factor()) * config.factor();
    pixels.max_pixels =
        std::min(pixels.max_pixels, static_cast<std::int64_t>(std::max(area, least)));
  }
  pixels.min_pixels = std::min(pixels.min_pixels, pixels.max_pixels);
  MONOCLE_TRY(qwen3_vl::check_pixel_limits(pixels, config.factor()));
  return config;
}

void note_grid(const Served& served, const GridThw& grid, api::EstimatedImage& facts) {
  const std::int32_t patch = served.image->patch_size;
  facts.sent_width = grid.w * patch;
  facts.sent_height = grid.h * patch;
  facts.tokens = grid.tokens(served.image->merge_size);
}

// Only the header is read: patches without rows, which is all that a prompt's length needs.
Result<LoadedImage> measure(const Served& served, const api::EncodedImage& encoded) {
  const auto bytes = std::as_bytes(std::span(encoded.bytes));
  MONOCLE_ASSIGN(const ImageHeader header, image_header(bytes, DecodeLimits{}));
  const Size2d size = header.upright();
  MONOCLE_ASSIGN(const qwen3_vl::PreprocessConfig config, budget(served, encoded, size));
  MONOCLE_ASSIGN(const Size2d target, qwen3_vl::smart_resize(size, config.factor(), config.pixels));
  Patches patches;
  patches.grid = {1, target.height / config.patch_size, target.width / config.patch_size};
  LoadedImage loaded{nullptr, {}, {size.width, size.height, 0, 0, 0}};
  note_grid(served, patches.grid, loaded.facts);
  loaded.patches = std::make_shared<const Patches>(std::move(patches));
  return loaded;
}

Result<LoadedImage> load(const Served& served, const api::EncodedImage& encoded) {
  const auto bytes = std::as_bytes(std::span(encoded.bytes));
  MONOCLE_ASSIGN(const Image image, decode_image(bytes, DecodeOptions{}));
  MONOCLE_ASSIGN(const qwen3_vl::PreprocessConfig config, budget(served, encoded, image.size()));
  LoadedImage loaded{nullptr, hash128(bytes), {image.width, image.height, 0, 0, 0}};
  MONOCLE_ASSIGN(loaded.patches, served.patches->make(image, config));
  note_grid(served, loaded.patches->grid, loaded.facts);
  return loaded;
}

// Refuses before memory is taken for pixels that could never be used.
class TokenCount {
 public:
  explicit TokenCount(const Served& served) : served_(served) {}

  ApiResult<void> add(std::int64_t tokens) {
    tokens_ += tokens;
    if (tokens_ > served_.context_tokens()) {
      return tl::unexpected(api::context_length_exceeded(served_.context_tokens(), tokens_, 0));
    }
    return {};
  }

 private:
  const Served& served_;
  std::int64_t tokens_ = 0;
};

ApiResult<void> load_images(const Served& served, const api::ChatRequest& request, MediaUse use,
                            TokenCount& count, LoadedMedia& out) {
  std::vector<LoadedImage> images;
  for (const api::EncodedImage& encoded : request.images) {
    Result<LoadedImage> measured = measure(served, encoded);
    if (!measured) {
      return refuse(measured.error(), encoded.path);
    }
    if (auto fits = count.add(measured->facts.tokens); !fits) {
      return fits;
    }
    images.push_back(std::move(*measured));
  }
  for (std::size_t i = 0; use == MediaUse::kFull && i < images.size(); ++i) {
    Result<LoadedImage> loaded = load(served, request.images[i]);
    if (!loaded) {
      return refuse(loaded.error(), request.images[i].path);
    }
    images[i] = std::move(*loaded);
  }
  for (LoadedImage& image : images) {
    out.media.images.push_back(std::move(image.patches));
    out.media.image_files.push_back(image.file);
    out.images.push_back(image.facts);
  }
  return {};
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// The size of the first frame, which the others must have, and the grid that the video becomes.
struct MeasuredVideo {
  Size2d source;
  GridThw grid;
  std::int64_t pixels = 0;  // of all frames before they are shrunk
};

Result<MeasuredVideo> measure(const Served& served, const api::EncodedVideo& video) {
  const Result<ImageHeader> header = image_header(bytes_of(video.frames.front()), DecodeLimits{});
  if (!header) {
    return prefixed("frame 0", header.error());
  }
  MeasuredVideo out{header->upright(), {}, 0};
  MONOCLE_ASSIGN(out.grid,
                 qwen3_vl::video_grid(std::ssize(video.frames), out.source, *served.video));
  out.pixels = std::ssize(video.frames) * out.source.width * out.source.height;
  if (out.grid.patches() > served.limits.patches) {
    const std::int32_t merge = served.video->frame.merge_size;
    return fail(ErrorCode::kTooLarge, "video of {} frames has {} tokens, the limit is {}",
                video.frames.size(), out.grid.tokens(merge),
                served.limits.patches / (merge * merge));
  }
  return out;
}

// One frame is decoded at a time: all of them could be gigabytes.
Result<std::shared_ptr<const Patches>> load(const Served& served, const api::EncodedVideo& video,
                                            const MeasuredVideo& measured) {
  const auto frame = [&](std::int64_t i) -> Result<Image> {
    Result<Image> image =
        decode_image(bytes_of(video.frames[static_cast<std::size_t>(i)]), DecodeOptions{});
    if (!image) {
      return prefixed(fmt::format("frame {}", i), std::move(image).error());
    }
    return image;
  };
  return served.patches->make_video({std::ssize(video.frames), measured.source, frame},
                                    *served.video);
}

std::vector<double> frame_seconds(const Served& served, const api::EncodedVideo& video) {
  return video.seconds.empty()
             ? qwen3_vl::steady_seconds(std::ssize(video.frames), served.video->fps)
             : video.seconds;
}

ApiResult<void> load_videos(const Served& served, const api::ChatRequest& request, MediaUse use,
                            TokenCount& count, LoadedMedia& out) {
  if (!request.videos.empty() && served.video == nullptr) {
    const std::string& path = request.videos.front().path;
    return tl::unexpected(api::bad_request(
        path,
        fmt::format("{} is a video; this checkpoint has no video_preprocessor_config.json", path),
        "unsupported_modality"));
  }
  std::vector<MeasuredVideo> measured;
  std::int64_t pixels = 0;
  for (const api::EncodedVideo& video : request.videos) {
    Result<MeasuredVideo> one = measure(served, video);
    if (!one) {
      return refuse(one.error(), video.path);
    }
    pixels += one->pixels;
    if (pixels > kMaxVideoPixels) {
      return refuse({ErrorCode::kTooLarge,
                     fmt::format("the videos up to this one, of {} frames of {}x{}, have {} pixels "
                                 "together, the limit is {}",
                                 video.frames.size(), one->source.width, one->source.height, pixels,
                                 kMaxVideoPixels)},
                    video.path);
    }
    const std::int64_t tokens = one->grid.tokens(served.video->frame.merge_size);
    if (auto fits = count.add(tokens); !fits) {
      return fits;
    }
    out.video_tokens += tokens;
    measured.push_back(*one);
  }
  for (std::size_t i = 0; i < measured.size(); ++i) {
    const api::EncodedVideo& video = request.videos[i];
    qwen3_vl::VideoInput input;
    input.seconds = qwen3_vl::group_seconds(frame_seconds(served, video),
                                            served.video->frame.temporal_patch_size);
    if (use == MediaUse::kFull) {
      auto loaded = load(served, video, measured[i]);
      if (!loaded) {
        return refuse(loaded.error(), video.path);
      }
      input.patches = std::move(*loaded);
    } else {
      Patches patches;
      patches.grid = measured[i].grid;
      input.patches = std::make_shared<const Patches>(std::move(patches));
    }
    out.media.videos.push_back(std::move(input));
  }
  return {};
}

}  // namespace

ApiResult<LoadedMedia> load_media(const Served& served, const api::ChatRequest& request,
                                  MediaUse use) {
  LoadedMedia out;
  TokenCount count(served);
  if (auto loaded = load_images(served, request, use, count, out); !loaded) {
    return tl::unexpected(std::move(loaded).error());
  }
  if (auto loaded = load_videos(served, request, use, count, out); !loaded) {
    return tl::unexpected(std::move(loaded).error());
  }
  return out;
}

}  // namespace monocle::service
