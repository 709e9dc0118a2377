// SPDX-License-Identifier: Apache-2.0
#include "service/prepare.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "api/errors.h"
#include "base/hash.h"
#include "media/decode.h"
#include "model/qwen3_vl/preprocess.h"
#include "model/qwen3_vl/preprocess_geometry.h"
#include "model/qwen3_vl/prompt.h"
#include "service/output_form.h"
#include "service/sampling.h"
#include "text/chat_template.h"

namespace monocle::service {
namespace {

using api::ApiResult;
using Clock = std::chrono::steady_clock;

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

ApiResult<std::vector<LoadedImage>> load_all(const Served& served, const api::ChatRequest& request,
                                             MediaUse use) {
  std::vector<LoadedImage> images;
  std::int64_t tokens = 0;
  for (const api::EncodedImage& encoded : request.images) {
    Result<LoadedImage> measured = measure(served, encoded);
    if (!measured) {
      return refuse(measured.error(), encoded.path);
    }
    // Refused by the sizes before memory is taken for pixels that could never be used.
    tokens += measured->facts.tokens;
    if (tokens > served.context_tokens()) {
      return tl::unexpected(api::context_length_exceeded(served.context_tokens(), tokens, 0));
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
  return images;
}

std::vector<ChatSegment> segments_of(const api::ChatRequest& request) {
  std::vector<std::string> tools;
  if (tools_active(request)) {
    for (const api::ToolDefinition& tool : request.tools) {
      tools.push_back(tool.json);
    }
  }
  if (!request.continue_final_message) {
    return render_chat(request.messages, tools, request.chat);
  }
  // The answer begins with the last message's text, so that message is left open.
  ChatOptions options = request.chat;
  options.add_generation_prompt = true;
  const std::span<const ChatMessage> all(request.messages);
  std::vector<ChatSegment> segments = render_chat(all.first(all.size() - 1), tools, options);
  std::string beginning;
  for (const ContentPart& part : all.back().parts) {
    beginning += part.text;
  }
  segments.push_back({ChatSegment::Kind::kUserText, std::move(beginning), 0});
  return segments;
}

void apply_generation(const Served& served, const api::Generation& generation, Request& request) {
  request.sampling = resolve_sampling(generation, *served.generation);
  if (!generation.ignore_eos) {
    request.stop_token_ids = served.generation->eos_token_ids;
  }
  request.stop_token_ids.insert(request.stop_token_ids.end(), generation.stop_token_ids.begin(),
                                generation.stop_token_ids.end());
  request.priority = generation.priority;
}

}  // namespace

ApiResult<void> fit_context(const Served& served, const api::Generation& generation,
                            Request& request) {
  const std::int64_t limit = served.context_tokens();
  const std::int64_t prompt = std::ssize(request.prompt.token_ids);
  const std::int64_t wanted = generation.max_tokens.value_or(0);
  if (prompt + std::max<std::int64_t>(wanted, 1) > limit) {
    return tl::unexpected(api::context_length_exceeded(limit, prompt, wanted));
  }
  std::int64_t most = limit - prompt;
  if (served.default_tokens > 0) {
    most = std::min(most, served.default_tokens);
  }
  request.max_tokens = static_cast<std::int32_t>(wanted > 0 ? wanted : most);
  return {};
}

ApiResult<Prepared> prepare_chat(const Served& served, const api::ChatRequest& request,
                                 MediaUse use) {
  Prepared prepared;
  const Clock::time_point begun = Clock::now();
  auto images = load_all(served, request, use);
  if (!images) {
    return tl::unexpected(std::move(images).error());
  }
  qwen3_vl::PromptMedia media;
  for (LoadedImage& image : *images) {
    media.images.push_back(std::move(image.patches));
    media.image_files.push_back(image.file);
    prepared.images.push_back(image.facts);
  }
  prepared.media_ms = std::chrono::duration<double, std::milli>(Clock::now() - begun).count();
  Result<Prompt> prompt =
      qwen3_vl::build_prompt(*served.config, *served.tokenizer, segments_of(request), media, {});
  if (!prompt) {
    return refuse(prompt.error(), "messages");
  }
  prepared.request.prompt = std::move(*prompt);
  apply_generation(served, request.generation, prepared.request);
  return prepared;
}

ApiResult<Prepared> prepare_text(const Served& served, const api::TextInput& input,
                                 const api::Generation& generation) {
  Prepared prepared;
  Prompt& prompt = prepared.request.prompt;
  prompt.token_ids = input.token_ids.empty()
                         ? served.tokenizer->encode(input.text, SpecialTokens::kAsText)
                         : input.token_ids;
  if (prompt.token_ids.empty()) {
    return tl::unexpected(api::bad_request("prompt", "prompt must not be empty"));
  }
  const std::size_t count = prompt.token_ids.size();
  prompt.positions.resize(3 * count);
  for (std::size_t i = 0; i < 3 * count; ++i) {
    prompt.positions[i] = static_cast<std::int32_t>(i % count);
  }
  apply_generation(served, generation, prepared.request);
  return prepared;
}

}  // namespace monocle::service
