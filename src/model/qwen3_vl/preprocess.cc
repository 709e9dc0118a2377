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
using ByteTable = std::array<float, 256>;
using Normaliser = std::array<ByteTable, kChannels>;

Normaliser make_normaliser(const PreprocessConfig& config) {
  Normaliser tables;
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

// Where one resized frame goes: temporal slots [first_slot, end_slot) of frame group `group`.
struct Slots {
  std::int32_t group;
  std::int32_t first;
  std::int32_t end;
};

class PatchWriter {
 public:
  // storage: memory for the result; what lies in it is overwritten.
  PatchWriter(const PreprocessConfig& config, Size2d size, std::int32_t groups,
              std::vector<float> storage)
      : tables_(make_normaliser(config)),
        patch_(static_cast<std::size_t>(config.patch_size)),
        temporal_(static_cast<std::size_t>(config.temporal_patch_size)),
        merge_(config.merge_size) {
    patches_.grid = {groups, size.height / config.patch_size, size.width / config.patch_size};
    patches_.rows = std::move(storage);
    patches_.rows.resize(static_cast<std::size_t>(patches_.grid.patches()) * row_values());
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
  [[nodiscard]] std::size_t row_values() const { return kChannels * temporal_ * patch_ * patch_; }

  [[nodiscard]] std::size_t row_index(const Slots& slots, std::int64_t row,
                                      std::int64_t column) const {
    const std::int64_t block = row / merge_ * (patches_.grid.w / merge_) + column / merge_;
    const std::int64_t inside = row % merge_ * merge_ + column % merge_;
    const std::int64_t group = std::int64_t{slots.group} * patches_.grid.h * patches_.grid.w;
    return static_cast<std::size_t>(group + block * merge_ * merge_ + inside);
  }

  void write_patch(const Image& frame, const Slots& slots, std::int64_t row, std::int64_t column) {
    const std::size_t area = patch_ * patch_;
    float* out = patches_.rows.data() + row_index(slots, row, column) * row_values();
    const auto first = static_cast<std::size_t>(slots.first);
    for (std::size_t y = 0; y < patch_; ++y) {
      const std::size_t line = static_cast<std::size_t>(row) * patch_ + y;
      const std::uint8_t* pixel =
          frame.row(static_cast<int>(line)) + static_cast<std::size_t>(column) * patch_ * 3;
      float* to = out + first * area + y * patch_;
      for (std::size_t x = 0; x < patch_; ++x, pixel += 3) {
        to[x] = tables_[0][pixel[0]];
        to[x + temporal_ * area] = tables_[1][pixel[1]];
        to[x + 2 * temporal_ * area] = tables_[2][pixel[2]];
      }
    }
    for (std::size_t c = 0; c < kChannels; ++c) {
      float* channel = out + c * temporal_ * area;
      for (std::size_t slot = first + 1; slot < static_cast<std::size_t>(slots.end); ++slot) {
        std::memcpy(channel + slot * area, channel + first * area, area * sizeof(float));
      }
    }
  }

  Normaliser tables_;
  std::size_t patch_;
  std::size_t temporal_;
  std::int64_t merge_;
  Patches patches_;
};

}  // namespace

Result<Patches> preprocess_image(const Image& image, const PreprocessConfig& config,
                                 ThreadPool* pool) {
  return preprocess_image(image, config, pool, {});
}

Result<Patches> preprocess_image(const Image& image, const PreprocessConfig& config,
                                 ThreadPool* pool, std::vector<float> storage) {
  MONOCLE_ASSIGN(const Size2d size, smart_resize(image.size(), config.factor(), config.pixels));
  PatchWriter writer(config, size, 1, std::move(storage));
  const Slots slots{0, 0, config.temporal_patch_size};
  if (size == image.size()) {
    writer.write(image, slots, pool);
  } else {
    writer.write(resize_bicubic(image, size, resize_form(config.form), pool), slots, pool);
  }
  return writer.take();
}

Result<Patches> preprocess_video(std::span<const Image> frames, const VideoConfig& config,
                                 ThreadPool* pool) {
  if (frames.empty()) {
    return fail(ErrorCode::kInvalidArgument, "video has 0 frames, at least 1 is needed");
  }
  const Size2d source = frames.front().size();
  for (const Image& frame : frames) {
    if (frame.size() != source) {
      return fail(ErrorCode::kInvalidArgument,
                  "video has frames of {}x{} and of {}x{}, all must have one size", source.width,
                  source.height, frame.width, frame.height);
    }
  }
  const std::int32_t temporal = config.frame.temporal_patch_size;
  const auto count = static_cast<std::int64_t>(frames.size());
  // The size rule needs a whole group, so one frame stands for two.
  const std::int64_t counted = count == 1 ? temporal : count;
  MONOCLE_ASSIGN(const Size2d size, smart_resize_video(counted, source, config));
  const auto groups = static_cast<std::int32_t>((count + temporal - 1) / temporal);
  // The reference has no Pillow form for videos, whatever form images use.
  PreprocessConfig frame_config = config.frame;
  frame_config.form = PreprocessForm::kTorchvision;
  PatchWriter writer(frame_config, size, groups, {});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto slot = static_cast<std::int32_t>(i % temporal);
    const bool last = i + 1 == count;
    const Slots slots{static_cast<std::int32_t>(i / temporal), slot, last ? temporal : slot + 1};
    writer.write(
        resize_bicubic(frames[static_cast<std::size_t>(i)], size, ResizeForm::kTorchvision, pool),
        slots, pool);
  }
  return writer.take();
}

}  // namespace monocle::qwen3_vl
