// SPDX-License-Identifier: Apache-2.0
#include "media/decode.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "media/codec.h"
#include "media/exif.h"

namespace monocle {
namespace {

using media::Bytes;
using media::Codec;
using media::starts_with;
using namespace std::string_view_literals;

constexpr std::array<const Codec*, 5> kCodecs = {&media::kJpegCodec, &media::kPngCodec,
                                                 &media::kWebpCodec, &media::kGifCodec,
                                                 &media::kBmpCodec};

// Formats that people do send and that we refuse by name, with what to do instead.
struct Refusal {
  std::size_t offset;
  std::string_view magic;
  const char* name;
  const char* hint;
};

constexpr const char* kConvert = "convert it to JPEG or PNG";
constexpr const char* kRasterise = "render it to PNG first";
constexpr const char* kFrames = "extract its frames first";

constexpr Refusal kRefusals[] = {
    {0, "II*\0"sv, "TIFF", kConvert},
    {0, "MM\0*"sv, "TIFF", kConvert},
    {0, "II+\0"sv, "TIFF", kConvert},
    {0, "MM\0+"sv, "TIFF", kConvert},
    {0, "\0\0\0\x0cjP  \r\n"sv, "JPEG 2000", kConvert},
    {0, "\xff\x4f\xff\x51"sv, "JPEG 2000", kConvert},
    {0, "\xff\x0a"sv, "JPEG XL", kConvert},
    {0, "\0\0\0\x0cJXL \r\n"sv, "JPEG XL", kConvert},
    {4, "ftypavif"sv, "AVIF", kConvert},
    {4, "ftypavis"sv, "AVIF", kConvert},
    {4, "ftyphe"sv, "HEIC", kConvert},
    {4, "ftypmif1"sv, "HEIC", kConvert},
    {4, "ftypmsf1"sv, "HEIC", kConvert},
    {4, "ftyp"sv, "MP4 video", kFrames},
    {0, "\x1a\x45\xdf\xa3"sv, "Matroska video", kFrames},
    {8, "AVI "sv, "AVI video", kFrames},
    {0, "8BPS"sv, "Photoshop (PSD)", kConvert},
    {0, "%PDF-"sv, "PDF", kRasterise},
    {0, "\0\0\1\0"sv, "Windows icon (ICO)", kConvert},
    {0, "qoif"sv, "QOI", kConvert},
};

// SVG is text and may open with white space, a BOM, an XML declaration or comments.
bool looks_like_svg(Bytes bytes) {
  const auto head = bytes.first(std::min<std::size_t>(bytes.size(), 1024));
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  const std::size_t first = text.find_first_not_of("\xef\xbb\xbf \t\r\n");
  return first != std::string_view::npos && text[first] == '<' &&
         text.find("<svg") != std::string_view::npos;
}

tl::unexpected<Error> refuse(Bytes bytes) {
  for (const Refusal& entry : kRefusals) {
    if (starts_with(bytes, entry.offset, entry.magic)) {
      return fail(ErrorCode::kUnsupported, "{} is not a supported image format: {}", entry.name,
                  entry.hint);
    }
  }
  if (looks_like_svg(bytes)) {
    return fail(ErrorCode::kUnsupported, "SVG is not a supported image format: {}", kRasterise);
  }
  std::string head;
  for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 4); ++i) {
    head += fmt::format("{}{:02x}", i == 0 ? "" : " ", media::u8_at(bytes, i));
  }
  return fail(ErrorCode::kUnsupported,
              "the image starts with bytes {} and is none of JPEG, PNG, WebP, GIF, BMP", head);
}

Result<const Codec*> find_codec(Bytes bytes, const DecodeLimits& limits) {
  if (bytes.empty()) {
    return fail(ErrorCode::kInvalidArgument, "the image file is empty (0 bytes)");
  }
  if (bytes.size() > limits.max_file_bytes) {
    return fail(ErrorCode::kTooLarge, "the image file has {} bytes, the limit is {}", bytes.size(),
                limits.max_file_bytes);
  }
  for (const Codec* codec : kCodecs) {
    if (codec->matches(bytes)) {
      return codec;
    }
  }
  return refuse(bytes);
}

Status check_limits(const ImageHeader& header, const DecodeLimits& limits) {
  const char* name = image_format_name(header.format);
  const auto [small, large] = std::minmax(header.width, header.height);
  if (small < std::max(limits.min_side, 1)) {
    return fail(ErrorCode::kInvalidArgument, "{} image is {}x{}, each side must be at least {}",
                name, header.width, header.height, std::max(limits.min_side, 1));
  }
  if (large > limits.max_side) {
    return fail(ErrorCode::kTooLarge, "{} image is {}x{}, the limit of a side is {}", name,
                header.width, header.height, limits.max_side);
  }
  const std::int64_t pixels = static_cast<std::int64_t>(small) * large;
  if (pixels > limits.max_pixels) {
    return fail(ErrorCode::kTooLarge, "{} image is {}x{} = {} pixels, the limit is {}", name,
                header.width, header.height, pixels, limits.max_pixels);
  }
  if (large > static_cast<std::int64_t>(small) * limits.max_ratio) {
    return fail(ErrorCode::kInvalidArgument,
                "{} image is {}x{}, the longer side may be at most {} times the shorter", name,
                header.width, header.height, limits.max_ratio);
  }
  return {};
}

Result<ImageHeader> checked_header(const Codec& codec, Bytes bytes, const DecodeLimits& limits) {
  MONOCLE_ASSIGN(const ImageHeader header, codec.header(bytes));
  MONOCLE_TRY(check_limits(header, limits));
  return header;
}

}  // namespace

const char* image_format_name(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return "JPEG";
    case ImageFormat::kPng:
      return "PNG";
    case ImageFormat::kWebp:
      return "WebP";
    case ImageFormat::kGif:
      return "GIF";
    case ImageFormat::kBmp:
      return "BMP";
  }
  return "?";
}

Result<ImageHeader> image_header(std::span<const std::byte> bytes, const DecodeLimits& limits) {
  MONOCLE_ASSIGN(const Codec* codec, find_codec(bytes, limits));
  return checked_header(*codec, bytes, limits);
}

Result<Image> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options) {
  MONOCLE_ASSIGN(const Codec* codec, find_codec(bytes, options.limits));
  MONOCLE_ASSIGN(const ImageHeader header, checked_header(*codec, bytes, options.limits));
  MONOCLE_ASSIGN(media::Decoded decoded, codec->decode(bytes, header, options.alpha));
  if (!options.apply_orientation) {
    return std::move(decoded.image);
  }
  return media::apply_orientation(std::move(decoded.image), decoded.orientation);
}

}  // namespace monocle
