// SPDX-License-Identifier: Apache-2.0
#include <spng.h>

#include <memory>
#include <vector>

#include "media/codec.h"
#include "media/exif.h"

namespace monocle::media {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n"sv;
constexpr std::size_t kHeaderEnd = 8 + 8 + 13 + 4;  // signature, chunk head, IHDR, checksum
// Bounds inflated metadata (text, profiles), which the library keeps in memory.
constexpr std::size_t kMetadataBytes = std::size_t{64} << 20;
// DEFLATE cannot expand more than this, so shorter files are refused before the pixels are
// allocated.
constexpr std::size_t kMaxInflation = 1032;

struct SpngDeleter {
  void operator()(spng_ctx* context) const { spng_ctx_free(context); }
};
using SpngPtr = std::unique_ptr<spng_ctx, SpngDeleter>;

tl::unexpected<Error> damaged(int code) {
  return fail(
      ErrorCode::kInvalidArgument, "PNG image cannot be decoded: {}",
      code == SPNG_EOF || code == SPNG_IO_EOF ? "the file is truncated" : spng_strerror(code));
}

bool matches(Bytes bytes) { return starts_with(bytes, 0, kSignature); }

Result<ImageHeader> header(Bytes bytes) {
  if (bytes.size() < kHeaderEnd) {
    return damaged(SPNG_EOF);
  }
  if (!starts_with(bytes, 8, "\0\0\0\x0dIHDR"sv)) {
    return fail(ErrorCode::kInvalidArgument,
                "PNG image cannot be decoded: its first chunk is not IHDR");
  }
  const std::uint32_t width = be32(bytes, 16);
  const std::uint32_t height = be32(bytes, 20);
  constexpr std::uint32_t kMax = 0x7fffffff;
  if (width > kMax || height > kMax) {
    return fail(ErrorCode::kInvalidArgument,
                "PNG image is {}x{}, the format's limit of a side is {}", width, height, kMax);
  }
  return ImageHeader{ImageFormat::kPng, static_cast<int>(width), static_cast<int>(height), 1};
}

std::size_t channels_of(std::uint8_t color_type) {
  switch (color_type) {
    case SPNG_COLOR_TYPE_TRUECOLOR:
      return 3;
    case SPNG_COLOR_TYPE_GRAYSCALE_ALPHA:
      return 2;
    case SPNG_COLOR_TYPE_TRUECOLOR_ALPHA:
      return 4;
    default:
      return 1;
  }
}

Status check_not_truncated(spng_ctx* context, std::size_t file_bytes) {
  spng_ihdr ihdr{};
  if (const int code = spng_get_ihdr(context, &ihdr); code != 0) {
    return damaged(code);
  }
  const std::size_t row_bits =
      channels_of(ihdr.color_type) * ihdr.bit_depth * std::size_t{ihdr.width};
  const std::size_t raw_bytes = (row_bits / 8 + 1) * std::size_t{ihdr.height};
  if (raw_bytes / kMaxInflation > file_bytes) {
    return fail(ErrorCode::kInvalidArgument,
                "PNG image is truncated: {} bytes cannot hold {}x{} pixels", file_bytes, ihdr.width,
                ihdr.height);
  }
  return {};
}

int orientation_of(spng_ctx* context) {
  // eXIf may also stand behind the pixels; damage there is no reason to refuse a complete picture.
  static_cast<void>(spng_decode_chunks(context));
  spng_exif exif{};
  if (spng_get_exif(context, &exif) != 0) {
    return 1;
  }
  return exif_orientation(Bytes(reinterpret_cast<const std::byte*>(exif.data), exif.length));
}

Result<Decoded> decode(Bytes bytes, const ImageHeader& header, AlphaPolicy alpha) {
  const SpngPtr context(spng_ctx_new(0));
  if (!context) {
    return fail(ErrorCode::kInternal, "PNG decoder cannot be created");
  }
  spng_set_crc_action(context.get(), SPNG_CRC_ERROR, SPNG_CRC_DISCARD);
  spng_set_chunk_limits(context.get(), kMetadataBytes, kMetadataBytes);
  if (const int code = spng_set_png_buffer(context.get(), bytes.data(), bytes.size()); code != 0) {
    return damaged(code);
  }
  MONOCLE_TRY(check_not_truncated(context.get(), bytes.size()));
  Decoded decoded{make_image(header.width, header.height), 1};
  std::vector<std::uint8_t>& rgb = decoded.image.rgb;
  if (alpha == AlphaPolicy::kDrop) {
    if (const int code = spng_decode_image(context.get(), rgb.data(), rgb.size(), SPNG_FMT_RGB8, 0);
        code != 0) {
      return damaged(code);
    }
  } else {
    std::vector<std::uint8_t> rgba(rgb.size() / 3 * 4);
    if (const int code = spng_decode_image(context.get(), rgba.data(), rgba.size(), SPNG_FMT_RGBA8,
                                           SPNG_DECODE_TRNS);
        code != 0) {
      return damaged(code);
    }
    blend_rgba_on_white(rgba.data(), rgb.data(), rgb.size() / 3);
  }
  decoded.orientation = orientation_of(context.get());
  return decoded;
}

}  // namespace

const Codec kPngCodec = {ImageFormat::kPng, matches, header, decode};

}  // namespace monocle::media
