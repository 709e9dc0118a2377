// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/preprocess_geometry.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace monocle::qwen3_vl {
namespace {

constexpr double kMaxRatio = 200.0;
constexpr std::int64_t kMaxSide = 1 << 20;  // keeps frames x height x width far from overflow

// value / unit rounded half to even, times unit.
std::int64_t round_to(double value, double unit) {
  return static_cast<std::int64_t>(std::nearbyint(value / unit) * unit);
}

struct Sides {
  std::int64_t height;
  std::int64_t width;
};

Status check_sides(const Sides& source) {
  const auto [small, large] = std::minmax(source.height, source.width);
  if (small < 1 || large > kMaxSide) {
    return fail(ErrorCode::kInvalidArgument, "image is {}x{}, each side must be in 1..{}",
                source.width, source.height, kMaxSide);
  }
  return {};
}

Status check_ratio(const Sides& source) {
  const auto [small, large] = std::minmax(source.height, source.width);
  if (static_cast<double>(large) / static_cast<double>(small) > kMaxRatio) {
    return fail(ErrorCode::kInvalidArgument,
                "image is {}x{}, the longer side may be at most {} times the shorter", source.width,
                source.height, kMaxRatio);
  }
  return {};
}

// frames: as sampled; padded: rounded to whole groups. Only the padded count decides whether the
// limits hold, only the sampled one scales: the reference does so, and sizes depend on it.
Sides fit_area(const Sides& source, std::int64_t frames, std::int64_t padded, std::int32_t factor,
               const PixelLimits& limits) {
  const double f = factor;
  const auto h = static_cast<double>(source.height);
  const auto w = static_cast<double>(source.width);
  const auto volume = static_cast<double>(frames * source.height * source.width);
  Sides out{round_to(h, f), round_to(w, f)};
  if (padded * out.height * out.width > limits.max_pixels) {
    const double beta = std::sqrt(volume / static_cast<double>(limits.max_pixels));
    out.height =
        std::max<std::int64_t>(factor, static_cast<std::int64_t>(std::floor(h / beta / f) * f));
    out.width =
        std::max<std::int64_t>(factor, static_cast<std::int64_t>(std::floor(w / beta / f) * f));
  } else if (padded * out.height * out.width < limits.min_pixels) {
    const double beta = std::sqrt(static_cast<double>(limits.min_pixels) / volume);
    out.height = static_cast<std::int64_t>(std::ceil(h * beta / f) * f);
    out.width = static_cast<std::int64_t>(std::ceil(w * beta / f) * f);
  }
  return out;
}

Size2d to_size(const Sides& sides) {
  return {static_cast<int>(sides.width), static_cast<int>(sides.height)};
}

}  // namespace

Result<Size2d> smart_resize(Size2d source, std::int32_t factor, const PixelLimits& limits) {
  const Sides sides{source.height, source.width};
  MONOCLE_TRY(check_sides(sides));
  MONOCLE_TRY(check_ratio(sides));
  MONOCLE_TRY(check_pixel_limits(limits, factor));
  return to_size(fit_area(sides, 1, 1, factor, limits));
}

Result<Size2d> smart_resize_video(std::int64_t frames, Size2d source, const VideoConfig& config) {
  const PreprocessConfig& frame = config.frame;
  const std::int32_t factor = frame.factor();
  const std::int32_t temporal = frame.temporal_patch_size;
  if (frames < temporal) {
    return fail(ErrorCode::kInvalidArgument, "video has {} frames, at least {} are needed", frames,
                temporal);
  }
  if (frames > config.max_frames) {
    return fail(ErrorCode::kTooLarge, "video has {} frames, the limit is {}", frames,
                config.max_frames);
  }
  Sides sides{source.height, source.width};
  MONOCLE_TRY(check_sides(sides));
  if (sides.height < factor || sides.width < factor) {
    const double scale = std::max(factor / static_cast<double>(sides.height),
                                  factor / static_cast<double>(sides.width));
    sides.height = static_cast<std::int64_t>(static_cast<double>(sides.height) * scale);
    sides.width = static_cast<std::int64_t>(static_cast<double>(sides.width) * scale);
  }
  MONOCLE_TRY(check_ratio(sides));
  PixelLimits limits = frame.pixels;
  if (config.cap_pixels_per_frame) {
    const std::int64_t cap = std::int64_t{config.max_frame_tokens} * factor * factor;
    const auto least = static_cast<std::int64_t>(static_cast<double>(limits.min_pixels) * 1.05);
    limits.max_pixels = frames * std::max(std::min(cap, limits.max_pixels / frames), least);
  }
  return to_size(
      fit_area(sides, frames, round_to(static_cast<double>(frames), temporal), factor, limits));
}

Result<std::vector<std::int64_t>> sample_frames(std::int64_t total, double source_fps,
                                                const VideoConfig& config,
                                                std::optional<std::int64_t> num_frames) {
  if (total < 1) {
    return fail(ErrorCode::kInvalidArgument, "video has {} frames, at least 1 is needed", total);
  }
  if (!(source_fps > 0.0 && std::isfinite(source_fps))) {
    return fail(ErrorCode::kInvalidArgument, "video frame rate is {}, it must be above 0",
                source_fps);
  }
  std::int64_t count = 0;
  if (num_frames) {
    const std::int64_t most = std::min<std::int64_t>(total, config.max_frames);
    if (*num_frames < 1 || *num_frames > most) {
      return fail(ErrorCode::kInvalidArgument, "num_frames is {}, expected 1..{}", *num_frames,
                  most);
    }
    count = *num_frames;
  } else {
    const double wanted = static_cast<double>(total) / source_fps * config.fps;
    count = static_cast<std::int64_t>(std::min(wanted, static_cast<double>(config.max_frames)));
    count = std::min(
        {std::max<std::int64_t>(count, config.min_frames), std::int64_t{config.max_frames}, total});
  }
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count), 0);
  const double step =
      count > 1 ? static_cast<double>(total - 1) / static_cast<double>(count - 1) : 0.0;
  for (std::size_t i = 1; i < indices.size(); ++i) {
    indices[i] = static_cast<std::int64_t>(std::nearbyint(static_cast<double>(i) * step));
  }
  if (count > 1) {
    indices.back() = total - 1;
  }
  return indices;
}

std::vector<double> group_seconds(std::span<const std::int64_t> indices, double source_fps,
                                  std::int32_t temporal) {
  MONOCLE_CHECK(source_fps > 0.0);
  std::vector<double> frame_seconds;
  for (const std::int64_t index : indices) {
    frame_seconds.push_back(static_cast<double>(index) / source_fps);
  }
  return group_seconds(frame_seconds, temporal);
}

std::vector<double> steady_seconds(std::int64_t frames, double fps) {
  std::vector<double> seconds;
  for (std::int64_t i = 0; i < frames; ++i) {
    seconds.push_back(static_cast<double>(i) / fps);
  }
  return seconds;
}

std::vector<double> group_seconds(std::span<const double> frame_seconds, std::int32_t temporal) {
  MONOCLE_CHECK(temporal >= 1);
  const auto size = static_cast<std::size_t>(temporal);
  std::vector<double> seconds;
  for (std::size_t i = 0; i < frame_seconds.size(); i += size) {
    const std::size_t last = std::min(i + size, frame_seconds.size()) - 1;
    seconds.push_back((frame_seconds[i] + frame_seconds[last]) / 2.0);
  }
  return seconds;
}

std::string timestamp_text(double seconds) { return fmt::format("<{:.1f} seconds>", seconds); }

}  // namespace monocle::qwen3_vl
