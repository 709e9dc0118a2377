// SPDX-License-Identifier: Apache-2.0
#include "api/video_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/data_uri.h"
#include "api/errors.h"

namespace monocle::api {
namespace {

constexpr std::string_view kFrames = "data:video/jpeg;base64,";
constexpr double kMaxSeconds = 1e6;

ApiError too_many_frames(const std::string& path, std::size_t count, const ParseLimits& limits) {
  return too_large(path, fmt::format("{} has {} frames, the limit is {}; send fewer a second with "
                                     "fps or timestamps",
                                     path, count, limits.max_video_frames));
}

// The frames of one video share its limit on bytes.
class Frames {
 public:
  Frames(const ParseLimits& limits, Problem& problem, std::vector<std::string>& out)
      : left_(limits.max_video_bytes), problem_(problem), out_(out) {}

  void take(std::optional<std::string> bytes) {
    if (bytes) {
      left_ -= bytes->size();
      out_.push_back(std::move(*bytes));
    }
  }
  [[nodiscard]] bool good() const { return !problem_.any(); }
  [[nodiscard]] std::size_t left() const { return left_; }
  [[nodiscard]] Problem& problem() const { return problem_; }

 private:
  std::size_t left_;
  Problem& problem_;
  std::vector<std::string>& out_;
};

void take_url(std::string_view url, const std::string& path, const ParseLimits& limits,
              Frames& frames) {
  url = trimmed_front(url);
  Problem& problem = frames.problem();
  if (!starts_with_any_case(url, "data:")) {
    problem.add(not_data(path, url, "video"));
    return;
  }
  if (!starts_with_any_case(url, kFrames)) {
    problem.add(path,
                fmt::format("{} starts with \"{}\": this server reads a video as its frames, as "
                            "\"{}FRAME,FRAME,...\" with every frame a picture in base64, or as an "
                            "array of pictures; it does not read video files yet",
                            path, url.substr(0, std::min<std::size_t>(url.find(','), 32)), kFrames),
                "unsupported_modality");
    return;
  }
  url.remove_prefix(kFrames.size());
  const auto count = static_cast<std::size_t>(std::ranges::count(url, ',')) + 1;
  if (count > limits.max_video_frames) {
    problem.add(too_many_frames(path, count, limits));
    return;
  }
  for (std::size_t i = 0; i < count && frames.good(); ++i) {
    const std::size_t comma = std::min(url.find(','), url.size());
    Problem own;  // its message names the frame, which is no JSON path of its own
    frames.take(decode_data(url.substr(0, comma), fmt::format("frame {} of {}", i, path),
                            frames.left(), own));
    if (own.any()) {
      ApiError error = own.take();
      error.param = path;
      problem.add(std::move(error));
    }
    url.remove_prefix(std::min(comma + 1, url.size()));
  }
}

void take_array(const Json::Array& pictures, const std::string& path, const ParseLimits& limits,
                Frames& frames) {
  Problem& problem = frames.problem();
  if (pictures.empty()) {
    problem.add(path, path + " is empty, at least one frame is needed", "invalid_value");
    return;
  }
  if (pictures.size() > limits.max_video_frames) {
    problem.add(too_many_frames(path, pictures.size(), limits));
    return;
  }
  for (std::size_t i = 0; i < pictures.size() && frames.good(); ++i) {
    const std::string* url = pictures[i].string();
    if (url == nullptr) {
      problem.wrong_type(at(path, i), pictures[i], "a data: URI of a picture");
      return;
    }
    frames.take(decode_data_uri(*url, at(path, i), frames.left(), problem));
  }
}

void take_timestamps(const Fields& holder, const Json::Array& values, EncodedVideo& video) {
  const std::string path = holder.path("timestamps");
  Problem& problem = holder.problem();
  if (values.size() != video.frames.size()) {
    problem.add(path,
                fmt::format("{} has {} numbers, the video has {} frames", path, values.size(),
                            video.frames.size()),
                "invalid_value");
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto seconds = number_of(values[i], at(path, i), 0, kMaxSeconds, problem);
    if (!seconds) {
      return;
    }
    if (!video.seconds.empty() && *seconds < video.seconds.back()) {
      problem.add(
          at(path, i),
          fmt::format("{} is {}, which is before the frame in front of it", at(path, i), *seconds),
          "invalid_value");
      return;
    }
    video.seconds.push_back(*seconds);
  }
}

void set_rate(double fps, EncodedVideo& video) {
  for (std::size_t i = 0; i < video.frames.size(); ++i) {
    video.seconds.push_back(static_cast<double>(i) / fps);
  }
}

// Whether the times stand in this object.
bool take_times(const Fields& holder, const ParseLimits& limits, EncodedVideo& video) {
  if (const Json::Array* values = holder.array("timestamps", limits.max_video_frames)) {
    take_timestamps(holder, *values, video);
    return true;
  }
  for (const char* key : {"fps", "sample_fps"}) {
    if (const Json* value = holder.find(key)) {
      const auto fps = number_of(*value, holder.path(key), kMinFps, kMaxFps, holder.problem());
      if (fps) {
        set_rate(*fps, video);
      }
      return true;
    }
  }
  return false;
}

}  // namespace

void parse_video(const Fields& part, std::string_view key, const VideoDefaults& defaults,
                 std::vector<EncodedVideo>& out, std::vector<std::string>& warnings) {
  const ParseLimits& limits = defaults.limits;
  Problem& problem = part.problem();
  EncodedVideo video;
  video.path = part.path(key);
  if (out.size() == limits.max_videos) {
    problem.add(video.path,
                fmt::format("{} is video {}, the limit is {}", video.path, out.size() + 1,
                            limits.max_videos),
                "too_many_videos");
    return;
  }
  const Json* value = part.find(key);
  if (value == nullptr) {
    problem.add(video.path, video.path + " is missing", "missing_required_parameter");
    return;
  }
  Frames frames(limits, problem, video.frames);
  std::optional<Fields> inner;
  if (const Json::Array* pictures = value->array()) {
    take_array(*pictures, video.path, limits, frames);
  } else if (const std::string* url = value->string()) {
    take_url(*url, video.path, limits, frames);
  } else {
    inner.emplace(*value, video.path, problem);
    const std::string* named = inner->string("url");
    if (named == nullptr) {
      problem.add(inner->path("url"), inner->path("url") + " is missing",
                  "missing_required_parameter");
      return;
    }
    video.path = inner->path("url");
    take_url(*named, video.path, limits, frames);
  }
  if (problem.any()) {
    return;
  }
  const bool timed =
      take_times(part, limits, video) || (inner && take_times(*inner, limits, video));
  if (!timed && defaults.fps) {
    set_rate(*defaults.fps, video);
  } else if (!timed && !problem.any() && video.frames.size() > 1) {
    warnings.push_back(fmt::format(
        "{} has neither fps nor timestamps: its frames are taken as the model's training had them",
        video.path));
  }
  if (!problem.any()) {
    out.push_back(std::move(video));
  }
}

}  // namespace monocle::api
