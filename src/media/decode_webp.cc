// SPDX-License-Identifier: Apache-2.0
#include <webp/decode.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "media/codec.h"
#include "media/exif.h"

namespace monocle::media {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kRiffHeader = 12;
constexpr std::size_t kChunkHeader = 8;
constexpr std::size_t kFrameHeader = 16;  // ANMF: x, y, width, height, duration, flags

const std::uint8_t* raw(Bytes bytes) { return reinterpret_cast<const std::uint8_t*>(bytes.data()); }

const char* status_text(VP8StatusCode code) {
  switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "out of memory";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "its data is damaged";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "it uses an unsupported feature";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "the file is truncated";
    default:
      return "the decoder refused its parameters";
  }
}

tl::unexpected<Error> damaged(const char* why) {
  return fail(ErrorCode::kInvalidArgument, "WebP image cannot be decoded: {}", why);
}

// The payload of the first chunk with this name, or nothing. A payload that runs past the end is
// cut there: the decoder then reports the truncation.
std::optional<Bytes> find_chunk(Bytes bytes, std::string_view name) {
  std::size_t at = kRiffHeader;
  while (at + kChunkHeader <= bytes.size()) {
    const std::size_t length = le32(bytes, at + 4);
    const std::size_t room = bytes.size() - at - kChunkHeader;
    if (starts_with(bytes, at, name)) {
      return bytes.subspan(at + kChunkHeader, std::min(length, room));
    }
    if (length >= room) {
      return std::nullopt;
    }
    at += kChunkHeader + length + (length & 1);
  }
  return std::nullopt;
}

bool matches(Bytes bytes) {
  return starts_with(bytes, 0, "RIFF"sv) && starts_with(bytes, 8, "WEBP"sv);
}

struct Target {
  Image* image;
  int x, y, width, height;  // where the decoded rectangle lands
};

// bytes: a whole file, or the chunks of one animation frame.
Status decode_into(Bytes bytes, const Target& target, AlphaPolicy alpha) {
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) {
    return fail(ErrorCode::kInternal, "the WebP library has another version than its header");
  }
  std::uint8_t* corner = target.image->row(target.y) + static_cast<std::size_t>(target.x) * 3;
  const std::size_t pixels =
      static_cast<std::size_t>(target.width) * static_cast<std::size_t>(target.height);
  std::vector<std::uint8_t> rgba;
  config.output.is_external_memory = 1;
  WebPRGBABuffer& out = config.output.u.RGBA;
  if (alpha == AlphaPolicy::kDrop) {
    config.output.colorspace = MODE_RGB;
    out.rgba = corner;
    out.stride = target.image->width * 3;
    out.size =
        static_cast<std::size_t>(target.image->rgb.data() + target.image->rgb.size() - corner);
  } else {
    rgba.resize(pixels * 4);
    config.output.colorspace = MODE_RGBA;
    out.rgba = rgba.data();
    out.stride = target.width * 4;
    out.size = rgba.size();
  }
  const VP8StatusCode code = WebPDecode(raw(bytes), bytes.size(), &config);
  if (code != VP8_STATUS_OK) {
    return damaged(status_text(code));
  }
  for (int y = 0; y < target.height && !rgba.empty(); ++y) {
    const std::size_t width = static_cast<std::size_t>(target.width);
    blend_rgba_on_white(rgba.data() + static_cast<std::size_t>(y) * width * 4,
                        corner + static_cast<std::size_t>(y) * target.image->row_bytes(), width);
  }
  return {};
}

Status decode_first_frame(Bytes bytes, Image& canvas, AlphaPolicy alpha) {
  const std::optional<Bytes> frame = find_chunk(bytes, "ANMF"sv);
  if (!frame || frame->size() <= kFrameHeader) {
    return damaged("it is an animation without a frame");
  }
  const auto field = [&](std::size_t at) { return static_cast<int>(le24(*frame, at)); };
  const Target target{&canvas, field(0) * 2, field(3) * 2, field(6) + 1, field(9) + 1};
  if (target.x + target.width > canvas.width || target.y + target.height > canvas.height) {
    return damaged("its first frame lies outside the canvas");
  }
  const Bytes chunks = frame->subspan(kFrameHeader);
  WebPBitstreamFeatures features{};
  const VP8StatusCode code = WebPGetFeatures(raw(chunks), chunks.size(), &features);
  if (code != VP8_STATUS_OK) {
    return damaged(status_text(code));
  }
  if (features.width != target.width || features.height != target.height) {
    return damaged("its first frame has another size than the animation says");
  }
  // Around the frame the canvas is transparent: black when alpha is dropped.
  std::fill(canvas.rgb.begin(), canvas.rgb.end(),
            alpha == AlphaPolicy::kBlendOnWhite ? std::uint8_t{255} : std::uint8_t{0});
  return decode_into(chunks, target, alpha);
}

int orientation_of(Bytes bytes) {
  const std::optional<Bytes> exif = find_chunk(bytes, "EXIF"sv);
  return exif ? exif_orientation(*exif) : 1;
}

Result<ImageHeader> header(Bytes bytes) {
  WebPBitstreamFeatures features{};
  const VP8StatusCode code = WebPGetFeatures(raw(bytes), bytes.size(), &features);
  if (code != VP8_STATUS_OK) {
    return damaged(status_text(code));
  }
  return ImageHeader{ImageFormat::kWebp, features.width, features.height, orientation_of(bytes)};
}

Result<Decoded> decode(Bytes bytes, const ImageHeader& header, AlphaPolicy alpha) {
  WebPBitstreamFeatures features{};
  if (const VP8StatusCode code = WebPGetFeatures(raw(bytes), bytes.size(), &features);
      code != VP8_STATUS_OK) {
    return damaged(status_text(code));
  }
  Decoded decoded{make_image(header.width, header.height), header.orientation};
  if (features.has_animation != 0) {
    MONOCLE_TRY(decode_first_frame(bytes, decoded.image, alpha));
  } else {
    MONOCLE_TRY(
        decode_into(bytes, Target{&decoded.image, 0, 0, header.width, header.height}, alpha));
  }
  return decoded;
}

}  // namespace

const Codec kWebpCodec = {ImageFormat::kWebp, matches, header, decode};

}  // namespace monocle::media
