// SPDX-License-Identifier: Apache-2.0
#include "media_files.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "media/decode.h"
#include "model/qwen3_vl/preprocess.h"
#include "model/qwen3_vl/preprocess_geometry.h"
#include "read_file.h"

namespace monocle::app {
namespace {

namespace fs = std::filesystem;

Result<Image> read_picture(const std::string& path) {
  const DecodeOptions decode;
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(path, decode.limits.max_file_bytes));
  Result<Image> image = decode_image(bytes, decode);
  if (!image) {
    return prefixed(path, std::move(image).error());
  }
  return image;
}

Result<std::vector<std::string>> frame_files(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file() && !entry->path().filename().string().starts_with('.')) {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return fail(ErrorCode::kNotFound,
                "--video {} is not a folder that can be read ({}): it takes a folder of frames, "
                "made e.g. by ffmpeg -i clip.mp4 -vf fps=2 {}/%04d.jpg",
                folder, error.message(), folder);
  }
  if (files.empty()) {
    return fail(ErrorCode::kInvalidArgument, "--video {} has no frames", folder);
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Result<std::shared_ptr<const Patches>> load_picture(const std::string& path,
                                                    const OpenedModel& model,
                                                    const MediaOptions& options) {
  MONOCLE_ASSIGN(const Image image, read_picture(path));
  qwen3_vl::PreprocessConfig config = model.image;
  config.pixels.min_pixels = options.min_pixels.value_or(config.pixels.min_pixels);
  config.pixels.max_pixels = options.max_pixels.value_or(config.pixels.max_pixels);
  MONOCLE_TRY(qwen3_vl::check_pixel_limits(config.pixels, config.factor()));
  Result<Patches> patches = qwen3_vl::preprocess_image(image, config, nullptr);
  if (!patches) {
    return prefixed(path, std::move(patches).error());
  }
  return std::make_shared<const Patches>(std::move(*patches));
}

Result<qwen3_vl::VideoInput> load_clip(const std::string& folder, const OpenedModel& model,
                                       const MediaOptions& options) {
  if (!model.video) {
    return fail(ErrorCode::kUnsupported,
                "--video: this checkpoint has no video_preprocessor_config.json");
  }
  MONOCLE_ASSIGN(const std::vector<std::string> files, frame_files(folder));
  MONOCLE_ASSIGN(Image first, read_picture(files.front()));
  const Size2d size = first.size();
  const auto frame = [&](std::int64_t i) -> Result<Image> {
    return i == 0 ? std::move(first) : read_picture(files[static_cast<std::size_t>(i)]);
  };
  Result<Patches> patches =
      qwen3_vl::preprocess_video({std::ssize(files), size, frame}, *model.video, nullptr, {});
  if (!patches) {
    return prefixed("--video " + folder, std::move(patches).error());
  }
  return qwen3_vl::VideoInput{
      std::make_shared<const Patches>(std::move(*patches)),
      qwen3_vl::group_seconds(
          qwen3_vl::steady_seconds(std::ssize(files), options.fps.value_or(model.video->fps)),
          model.video->frame.temporal_patch_size)};
}

}  // namespace monocle::app
