// SPDX-License-Identifier: Apache-2.0
#include "trace_case.h"

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "model/qwen3_vl/preprocess.h"
#include "model/qwen3_vl/preprocess_geometry.h"
#include "model/qwen3_vl/prompt.h"
#include "npy.h"
#include "read_file.h"

namespace monocle::app {
namespace {

using Json = nlohmann::json;
using qwen3_vl::PromptMedia;
using qwen3_vl::VideoInput;

constexpr std::size_t kMaxIndexBytes = std::size_t{1} << 26;
constexpr std::string_view kImageTriple = "<|vision_start|><|image_pad|><|vision_end|>";
constexpr std::string_view kVideoTriple = "<|vision_start|><|video_pad|><|vision_end|>";
constexpr std::string_view kVideoBare = "<|video_pad|>";

Image image_of(const std::byte* data, int height, int width) {
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  std::memcpy(image.rgb.data(), data, image.rgb.size());
  return image;
}

Result<NpyArray> read_pixels(const std::filesystem::path& path, std::size_t rank) {
  MONOCLE_ASSIGN(NpyArray array, read_npy(path.string()));
  if (array.kind != 'u' || array.shape.size() != rank || array.shape.back() != 3) {
    return fail(ErrorCode::kInvalidArgument, "{} is not an array of {} dimensions of RGB bytes",
                path.string(), rank);
  }
  return array;
}

class CaseReader {
 public:
  CaseReader(std::filesystem::path folder, const OpenedModel& model, bool torchvision)
      : folder_(std::move(folder)),
        model_(model),
        form_(torchvision ? qwen3_vl::PreprocessForm::kTorchvision
                          : qwen3_vl::PreprocessForm::kPillow) {}

  Result<TraceCase> read(const Json& entry) {
    for (const auto& file : entry.at("images")) {
      MONOCLE_TRY(add_image(file.get<std::string>()));
    }
    for (const auto& video : entry.at("videos")) {
      MONOCLE_TRY(add_video(video.at("frames").get<std::string>(), video.at("fps").get<double>()));
    }
    for (const auto& text : entry.at("texts")) {
      MONOCLE_TRY(add_prompt(text.get<std::string>()));
    }
    return std::move(out_);
  }

 private:
  Status add_image(const std::string& file) {
    MONOCLE_ASSIGN(const NpyArray pixels, read_pixels(folder_ / file, 3));
    qwen3_vl::PreprocessConfig config = model_.image;
    config.form = form_;
    MONOCLE_ASSIGN(Patches patches,
                   preprocess_image(image_of(pixels.data.data(), static_cast<int>(pixels.shape[0]),
                                             static_cast<int>(pixels.shape[1])),
                                    config, nullptr));
    images_.push_back(std::make_shared<const Patches>(std::move(patches)));
    return {};
  }

  Status add_video(const std::string& file, double fps) {
    if (!model_.video) {
      return fail(ErrorCode::kUnsupported, "the checkpoint has no video_preprocessor_config.json");
    }
    const qwen3_vl::VideoConfig& config = *model_.video;
    MONOCLE_ASSIGN(const NpyArray pixels, read_pixels(folder_ / file, 4));
    MONOCLE_ASSIGN(const std::vector<std::int64_t> chosen,
                   qwen3_vl::sample_frames(pixels.shape[0], fps, config, std::nullopt));
    const auto height = static_cast<int>(pixels.shape[1]);
    const auto width = static_cast<int>(pixels.shape[2]);
    std::vector<Image> frames;
    for (const std::int64_t index : chosen) {
      frames.push_back(image_of(pixels.data.data() + index * height * width * 3, height, width));
    }
    MONOCLE_ASSIGN(Patches patches, preprocess_video(frames, config, nullptr));
    videos_.push_back({std::make_shared<const Patches>(std::move(patches)),
                       qwen3_vl::group_seconds(chosen, fps, config.frame.temporal_patch_size)});
    return {};
  }

  // The texts are rendered prompts: everything in them was written by the reference, so all of it
  // is control text.
  Status add_prompt(std::string_view text) {
    std::vector<ChatSegment> segments;
    PromptMedia media;
    qwen3_vl::PromptOptions options;
    while (!text.empty()) {
      const std::size_t image = text.find(kImageTriple);
      const std::size_t video = std::min(text.find(kVideoTriple), text.find(kVideoBare));
      const std::size_t at = std::min({image, video, text.size()});
      if (at > 0) {
        segments.push_back({ChatSegment::Kind::kControl, std::string(text.substr(0, at)), 0});
        text.remove_prefix(at);
      } else if (image == 0) {
        MONOCLE_TRY(take(images_, next_image_, media.images, out_.images));
        segments.push_back({ChatSegment::Kind::kImage, {}, media.images.size() - 1});
        text.remove_prefix(kImageTriple.size());
      } else {
        options.video_outer_markers = text.starts_with(kVideoTriple);
        MONOCLE_TRY(take(videos_, next_video_, media.videos, out_.videos));
        segments.push_back({ChatSegment::Kind::kVideo, {}, media.videos.size() - 1});
        text.remove_prefix(options.video_outer_markers ? kVideoTriple.size() : kVideoBare.size());
      }
    }
    MONOCLE_ASSIGN(Prompt prompt,
                   build_prompt(model_.config, *model_.tokenizer, segments, media, options));
    out_.prompts.push_back(std::move(prompt));
    return {};
  }

  static const std::shared_ptr<const Patches>& patches_of(
      const std::shared_ptr<const Patches>& image) {
    return image;
  }
  static const std::shared_ptr<const Patches>& patches_of(const VideoInput& video) {
    return video.patches;
  }

  template <class T>
  static Status take(const std::vector<T>& all, std::size_t& next, std::vector<T>& prompt,
                     std::vector<MediaItem>& out) {
    if (next == all.size()) {
      return fail(ErrorCode::kInvalidArgument,
                  "a text of the case has more placeholders than the case has media");
    }
    prompt.push_back(all[next++]);
    out.push_back({patches_of(prompt.back())});
    return {};
  }

  std::filesystem::path folder_;
  const OpenedModel& model_;
  qwen3_vl::PreprocessForm form_;
  std::vector<std::shared_ptr<const Patches>> images_;
  std::vector<VideoInput> videos_;
  std::size_t next_image_ = 0;
  std::size_t next_video_ = 0;
  TraceCase out_;
};

}  // namespace

Result<TraceCase> read_trace_case(const std::string& index, const std::string& name,
                                  const OpenedModel& model) {
  MONOCLE_ASSIGN(const std::vector<std::byte> bytes, read_file(index, kMaxIndexBytes));
  try {
    const auto* text = reinterpret_cast<const char*>(bytes.data());
    const Json json = Json::parse(text, text + bytes.size());
    const auto entry = json.at("cases").find(name);
    if (entry == json.at("cases").end()) {
      return fail(ErrorCode::kNotFound, "{} has no case '{}'", index, name);
    }
    const std::filesystem::path folder = std::filesystem::path(index).parent_path();
    CaseReader reader(folder, model, json.at("torchvision").get<bool>());
    MONOCLE_ASSIGN(TraceCase out, reader.read(*entry));
    MONOCLE_ASSIGN(const NpyArray columns,
                   read_npy((folder / json.at("logit_columns").get<std::string>()).string()));
    if (columns.kind != 'i' || columns.shape.size() != 1) {
      return fail(ErrorCode::kInvalidArgument,
                  "the logit columns of {} are not a list of 64-bit integers", index);
    }
    out.logit_columns.resize(static_cast<std::size_t>(columns.shape[0]));
    std::memcpy(out.logit_columns.data(), columns.data.data(), columns.data.size());
    for (const std::int64_t column : out.logit_columns) {
      if (column < 0 || column >= model.config.text.vocab_size) {
        return fail(ErrorCode::kInvalidArgument, "logit column {} is outside the vocabulary of {}",
                    column, model.config.text.vocab_size);
      }
    }
    return out;
  } catch (const Json::exception& error) {
    return fail(ErrorCode::kInvalidArgument, "{}: {}", index, error.what());
  }
}

}  // namespace monocle::app
