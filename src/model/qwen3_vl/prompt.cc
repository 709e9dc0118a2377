// SPDX-License-Identifier: Apache-2.0
#include "model/qwen3_vl/prompt.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "model/qwen3_vl/mrope.h"
#include "model/qwen3_vl/preprocess_geometry.h"

namespace monocle::qwen3_vl {
namespace {

constexpr std::string_view kVisionStart = "<|vision_start|>";
constexpr std::string_view kVisionEnd = "<|vision_end|>";
constexpr std::string_view kImagePad = "<|image_pad|>";
constexpr std::string_view kVideoPad = "<|video_pad|>";

// A run of pads the token list must contain, in order.
struct ExpectedRun {
  TokenId pad = 0;
  MediaSpan span;  // offset is filled in when it is found
  std::int32_t grid_h = 0;
  std::int32_t grid_w = 0;
};

Hash128 hash_of(const Patches& patches) {
  return hash128(std::as_bytes(std::span(patches.pixels)));
}

MediaItem item_of(const std::shared_ptr<const Patches>& patches, const Hash128& hash) {
  const std::array<std::int32_t, 3> grid{patches->grid.t, patches->grid.h, patches->grid.w};
  // Two pictures of equal pixels and different shape are different content.
  return {patches, hash.low ^ hash64(std::as_bytes(std::span(grid))), hash.high};
}

class PromptBuilder {
 public:
  PromptBuilder(const Config& config, const PromptOptions& options)
      : config_(config), options_(options) {}

  void text(const ChatSegment& segment) {
    spans_.push_back({segment.text, segment.kind == ChatSegment::Kind::kControl
                                        ? TextOwner::kTemplate
                                        : TextOwner::kUser});
  }

  void image(const std::shared_ptr<const Patches>& patches, const Hash128& hash) {
    const std::int32_t item = add_item(patches, hash);
    group(kImagePad, config_.image_token_id, item, patches->grid, 0);
  }

  void video(const VideoInput& video) {
    const GridThw& grid = video.patches->grid;
    const std::int32_t item = add_item(video.patches, hash_of(*video.patches));
    if (options_.video_outer_markers) {
      control(kVisionStart);
    }
    for (std::int32_t t = 0; t < grid.t; ++t) {
      control(timestamp_text(video.seconds[static_cast<std::size_t>(t)]));
      group(kVideoPad, config_.video_token_id, item, grid, t);
    }
    if (options_.video_outer_markers) {
      control(kVisionEnd);
    }
  }

  Result<Prompt> finish(const Tokenizer& tokenizer) {
    prompt_.token_ids = tokenizer.encode(spans_);
    MONOCLE_ASSIGN(const std::vector<MediaRun> runs, locate());
    MONOCLE_ASSIGN(RopePositions positions, rope_positions(std::ssize(prompt_.token_ids), runs,
                                                           config_.vision.spatial_merge_size));
    prompt_.positions = std::move(positions.axes);
    prompt_.position_delta = positions.delta;
    return std::move(prompt_);
  }

 private:
  std::int32_t add_item(const std::shared_ptr<const Patches>& patches, const Hash128& hash) {
    prompt_.media.push_back(item_of(patches, hash));
    return static_cast<std::int32_t>(prompt_.media.size()) - 1;
  }

  void control(std::string_view text) {
    spans_.push_back({std::string(text), TextOwner::kTemplate});
  }

  // One frame group between its markers.
  void group(std::string_view pad, TokenId pad_id, std::int32_t item, const GridThw& grid,
             std::int32_t t) {
    const std::int64_t count = GridThw{1, grid.h, grid.w}.tokens(config_.vision.spatial_merge_size);
    std::string text(kVisionStart);
    text.reserve(text.size() + static_cast<std::size_t>(count) * pad.size() + kVisionEnd.size());
    for (std::int64_t i = 0; i < count; ++i) {
      text += pad;
    }
    text += kVisionEnd;
    spans_.push_back({std::move(text), TextOwner::kTemplate});
    expected_.push_back({pad_id,
                         {.offset = 0, .count = count, .item = item, .first_row = t * count},
                         grid.h,
                         grid.w});
  }

  // Finds the expected runs of pads and makes sure that there are no others.
  Result<std::vector<MediaRun>> locate() {
    std::vector<MediaRun> runs;
    std::size_t next = 0;
    for (std::int64_t at = 0; at < std::ssize(prompt_.token_ids);) {
      const TokenId id = prompt_.token_ids[static_cast<std::size_t>(at)];
      if (id != config_.image_token_id && id != config_.video_token_id) {
        ++at;
        continue;
      }
      if (next == expected_.size() || expected_[next].pad != id) {
        return fail(ErrorCode::kInvalidArgument,
                    "the prompt has a media token at position {} that no medium accounts for", at);
      }
      ExpectedRun& run = expected_[next++];
      run.span.offset = at;
      prompt_.spans.push_back(run.span);
      runs.push_back({at, run.grid_h, run.grid_w});
      at += run.span.count;
    }
    if (next != expected_.size()) {
      return fail(ErrorCode::kInternal, "{} media runs were written, {} were found",
                  expected_.size(), next);
    }
    return runs;
  }

  const Config& config_;
  PromptOptions options_;
  Prompt prompt_;
  std::vector<TextSpan> spans_;
  std::vector<ExpectedRun> expected_;
};

Status check_media(std::span<const ChatSegment> segments, const PromptMedia& media) {
  std::size_t images = 0;
  std::size_t videos = 0;
  for (const ChatSegment& segment : segments) {
    images += segment.kind == ChatSegment::Kind::kImage ? 1 : 0;
    videos += segment.kind == ChatSegment::Kind::kVideo ? 1 : 0;
  }
  MONOCLE_CHECK(media.image_files.empty() || media.image_files.size() == media.images.size());
  if (images != media.images.size() || videos != media.videos.size()) {
    return fail(ErrorCode::kInvalidArgument,
                "the conversation mentions {} images and {} videos; {} and {} were given", images,
                videos, media.images.size(), media.videos.size());
  }
  for (const VideoInput& video : media.videos) {
    if (std::ssize(video.seconds) != video.patches->grid.t) {
      return fail(ErrorCode::kInvalidArgument, "a video of {} frame groups has {} timestamps",
                  video.patches->grid.t, video.seconds.size());
    }
  }
  return {};
}

}  // namespace

Status check_prompt_tokens(const Config& config, const Tokenizer& tokenizer) {
  const std::array<std::pair<std::string_view, TokenId>, 4> wanted{
      {{kVisionStart, config.vision_start_token_id},
       {kVisionEnd, config.vision_end_token_id},
       {kImagePad, config.image_token_id},
       {kVideoPad, config.video_token_id}}};
  for (const auto& [text, id] : wanted) {
    const auto found = tokenizer.id_of(text);
    if (!found || *found != id) {
      return fail(ErrorCode::kInvalidArgument, "config.json gives {} the id {}, tokenizer.json {}",
                  text, id, found ? std::to_string(*found) : "does not have it");
    }
  }
  return {};
}

Result<Prompt> build_prompt(const Config& config, const Tokenizer& tokenizer,
                            std::span<const ChatSegment> segments, const PromptMedia& media,
                            const PromptOptions& options) {
  MONOCLE_TRY(check_media(segments, media));
  PromptBuilder builder(config, options);
  for (const ChatSegment& segment : segments) {
    switch (segment.kind) {
      case ChatSegment::Kind::kControl:
      case ChatSegment::Kind::kUserText:
        builder.text(segment);
        break;
      case ChatSegment::Kind::kImage:
        builder.image(media.images[segment.index], media.image_files.empty()
                                                       ? hash_of(*media.images[segment.index])
                                                       : media.image_files[segment.index]);
        break;
      case ChatSegment::Kind::kVideo:
        builder.video(media.videos[segment.index]);
        break;
    }
  }
  return builder.finish(tokenizer);
}

}  // namespace monocle::qwen3_vl
