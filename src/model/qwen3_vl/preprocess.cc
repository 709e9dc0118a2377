// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/preprocess.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "media/resize.h"
#include "model/qwen3_vl/preprocess_geometry.h"

namespace monocle::qwen3_vl {
namespace {

constexpr std::size_t kChannels = 3;

// A byte has 256 values, so normalising is a table: the arithmetic is done once, in the reference's
// precision.
PixelValues make_values(const PreprocessConfig& config) {
  PixelValues tables;
  for (std::size_t c = 0; c < kChannels; ++c) {
    const auto mean = static_cast<float>(config.mean[c]);
    const auto std = static_cast<float>(config.std[c]);
    for (std::size_t value = 0; value < tables[c].size(); ++value) {
      if (config.form == PreprocessForm::kTorchvision) {
        tables[c][value] = (static_cast<float>(value) - mean * 255.0F) / (std * 255.0F);
      } else {
        constexpr double kRescale = 0.00392156862745098;
        tables[c][value] = (static_cast<float>(static_cast<double>(value) * kRescale) - mean) / std;
      }
    }
  }
  return tables;
}

ResizeForm resize_form(PreprocessForm form) {
  switch (form) {
    case PreprocessForm::kPillow:
      return ResizeForm::kPillow;
    case PreprocessForm::kPillow13:
      return ResizeForm::kPillow13;
    case PreprocessForm::kTorchvision:
      break;
  }
  return ResizeForm::kTorchvision;
}

// Where one resized frame goes: temporal slots [first, end) of frame group `group`.
struct Slots {
  std::int32_t group;
  std::int32_t first;
  std::int32_t end;
};

class PatchWriter {
 public:
  // frames: of a group that are stored. storage: memory for the result; what lies in it is
  // overwritten.
  PatchWriter(const PreprocessConfig& config, Size2d size, std::int32_t groups, std::int32_t frames,
              std::vector<std::uint8_t> storage)
      : patch_(static_cast<std::size_t>(config.patch_size)),
        frames_(static_cast<std::size_t>(frames)),
        merge_(config.merge_size) {
    patches_.frames = frames;
    patches_.values = make_values(config);
    patches_.grid = {groups, size.height / config.patch_size, size.width / config.patch_size};
    patches_.pixels = std::move(storage);
    patches_.pixels.resize(static_cast<std::size_t>(patches_.grid.patches()) * row_values());
  }

  void write(const Image& frame, const Slots& slots, ThreadPool* pool) {
    const auto body = [&](std::int64_t begin, std::int64_t end, int /*worker*/) {
      for (std::int64_t row = begin; row < end; ++row) {
        for (std::int64_t column = 0; column < patches_.grid.w; ++column) {
          write_patch(frame, slots, row, column);
        }
      }
    };
    if (pool != nullptr && pool->size() > 1) {
      pool->parallel_for(patches_.grid.h, 1, body);
    } else {
      body(0, patches_.grid.h, 0);
    }
  }

  Patches take() { return std::move(patches_); }

 private:
  [[nodiscard]] std::size_t row_values() const { return kChannels * frames_ * patch_ * patch_; }

  [[nodiscard]] std::size_t row_index(const Slots& slots, std::int64_t row,
                                      std::int64_t column) const {
    const std::int64_t block = row / merge_ * (patches_.grid.w / merge_) + column / merge_;
    const std::int64_t inside = row % merge_ * merge_ + column % merge_;
    const std::int64_t group = std::int64_t{slots.group} * patches_.grid.h * patches_.grid.w;
    return static_cast<std::size_t>(group + block * merge_ * merge_ + inside);
  }

  void write_patch(const Image& frame, const Slots& slots, std::int64_t row, std::int64_t column) {
    const std::size_t area = patch_ * patch_;
    std::uint8_t* out = patches_.pixels.data() + row_index(slots, row, column) * row_values();
    const auto first = static_cast<std::size_t>(slots.first);
    for (std::size_t y = 0; y < patch_; ++y) {
      const std::size_t line = static_cast<std::size_t>(row) * patch_ + y;
      const std::uint8_t* pixel =
          frame.row(static_cast<int>(line)) + static_cast<std::size_t>(column) * patch_ * 3;
      std::uint8_t* to = out + first * area + y * patch_;
      for (std::size_t x = 0; x < patch_; ++x, pixel += 3) {
        to[x] = pixel[0];
        to[x + frames_ * area] = pixel[1];
        to[x + 2 * frames_ * area] = pixel[2];
      }
    }
    for (std::size_t c = 0; c < kChannels; ++c) {
      std::uint8_t* channel = out + c * frames_ * area;
      for (std::size_t slot = first + 1; slot < static_cast<std::size_t>(slots.end); ++slot) {
        std::memcpy(channel + slot * area, channel + first * area, area);
      }
    }
  }

  std::size_t patch_;
  std::size_t frames_;
  std::int64_t merge_;
  Patches patches_;
};

}  // namespace

Result<Patches> preprocess_image(const Image& image, const PreprocessConfig& config,
                                 ThreadPool* pool) {
  return preprocess_image(image, config, pool, {});
}

Result<Patches> preprocess_image(const Image& image, const PreprocessConfig& config,
                                 ThreadPool* pool, std::vector<std::uint8_t> storage) {
  MONOCLE_ASSIGN(const Size2d size, smart_resize(image.size(), config.factor(), config.pixels));
  PatchWriter writer(config, size, 1, 1, std::move(storage));
  const Slots slots{0, 0, 1};  // the other frames of the group are the same
  if (size == image.size()) {
    writer.write(image, slots, pool);
  } else {
    writer.write(resize_bicubic(image, size, resize_form(config.form), pool), slots, pool);
  }
  return writer.take();
}

Result<GridThw> video_grid(std::int64_t frames, Size2d source, const VideoConfig& config) {
  if (frames < 1) {
    return fail(ErrorCode::kInvalidArgument, "video has 0 frames, at least 1 is needed");
  }
  const std::int32_t temporal = config.frame.temporal_patch_size;
  // The size rule needs a whole group, so one frame stands for two.
  const std::int64_t counted = frames == 1 ? temporal : frames;
  MONOCLE_ASSIGN(const Size2d size, smart_resize_video(counted, source, config));
  return GridThw{static_cast<std::int32_t>((frames + temporal - 1) / temporal),
                 size.height / config.frame.patch_size, size.width / config.frame.patch_size};
}

Result<Patches> preprocess_video(const FrameSource& frames, const VideoConfig& config,
                                 ThreadPool* pool, std::vector<std::uint8_t> storage) {
  MONOCLE_ASSIGN(const GridThw grid, video_grid(frames.count, frames.source, config));
  const std::int32_t temporal = config.frame.temporal_patch_size;
  const Size2d size{grid.w * config.frame.patch_size, grid.h * config.frame.patch_size};
  // The reference has no Pillow form for videos, whatever form images use.
  PreprocessConfig frame_config = config.frame;
  frame_config.form = PreprocessForm::kTorchvision;
  PatchWriter writer(frame_config, size, grid.t, temporal, std::move(storage));
  for (std::int64_t i = 0; i < frames.count; ++i) {
    MONOCLE_ASSIGN(const Image frame, frames.frame(i));
    if (frame.size() != frames.source) {
      return fail(ErrorCode::kInvalidArgument,
                  "video has frames of {}x{} and of {}x{}, all must have one size",
                  frames.source.width, frames.source.height, frame.width, frame.height);
    }
    const auto slot = static_cast<std::int32_t>(i % temporal);
    const bool last = i + 1 == frames.count;
    const Slots slots{static_cast<std::int32_t>(i / temporal), slot, last ? temporal : slot + 1};
    writer.write(resize_bicubic(frame, size, ResizeForm::kTorchvision, pool), slots, pool);
  }
  return writer.take();
}

Result<Patches> preprocess_video(std::span<const Image> frames, const VideoConfig& config,
                                 ThreadPool* pool) {
  const Size2d source = frames.empty() ? Size2d{} : frames.front().size();
  const auto copy = [&](std::int64_t i) -> Result<Image> {
    return frames[static_cast<std::size_t>(i)];
  };
  return preprocess_video({std::ssize(frames), source, copy}, config, pool, {});
}

std::vector<float> patch_values(const Patches& patches, std::int32_t temporal) {
  const std::int64_t n = patches.grid.patches();
  const auto frames = static_cast<std::int64_t>(patches.frames);
  const auto channels = static_cast<std::int64_t>(kChannels);
  const std::int64_t area = n > 0 ? std::ssize(patches.pixels) / (n * channels * frames) : 0;
  std::vector<float> out;
  out.reserve(static_cast<std::size_t>(n * channels * temporal * area));
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t f = 0; f < temporal; ++f) {
        const std::int64_t plane = (i * channels + c) * frames + std::min(f, frames - 1);
        for (std::int64_t p = plane * area; p < (plane + 1) * area; ++p) {
          out.push_back(patches.values[static_cast<std::size_t>(c)]
                                      [patches.pixels[static_cast<std::size_t>(p)]]);
        }
      }
    }
  }
  return out;
}

}  // namespace monocle::qwen3_vl
