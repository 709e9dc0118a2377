// SPDX-License-Identifier: Apache-2.0
// Encoded picture bytes -> RGB8. The format is sniffed from the content; limits are checked on the
// header before pixel memory is taken. Pure functions, any thread. Errors are one sentence with the
// value and the limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"
#include "media/image.h"

namespace monocle {

enum class ImageFormat : std::uint8_t { kJpeg, kPng, kWebp, kGif, kBmp };

const char* image_format_name(ImageFormat format);

struct DecodeLimits {
  std::size_t max_file_bytes = std::size_t{64} << 20;
  std::int64_t max_pixels = 100'000'000;
  int max_side = 16384;
  int min_side = 1;
  int max_ratio = 200;  // longer side / shorter side
};

enum class AlphaPolicy : std::uint8_t {
  kDrop,          // keep the stored colour, as the reference processor does
  kBlendOnWhite,  // composite over white
};

struct DecodeOptions {
  DecodeLimits limits;
  AlphaPolicy alpha = AlphaPolicy::kDrop;
  bool apply_orientation = true;  // EXIF tag 0x0112
};

// What the file says about itself. Sides are as stored, before any EXIF rotation; orientation is
// the EXIF tag (1..8) of JPEG and WebP files. A PNG's is known only once it is decoded: 1 here.
struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  int width = 0;
  int height = 0;
  int orientation = 1;

  // As a person sees the picture.
  [[nodiscard]] Size2d upright() const {
    return orientation >= 5 ? Size2d{height, width} : Size2d{width, height};
  }
};

// Reads only the header and checks it against the limits; takes no pixel memory.
Result<ImageHeader> image_header(std::span<const std::byte> bytes, const DecodeLimits& limits);

// Animated files give their first frame on its canvas.
Result<Image> decode_image(std::span<const std::byte> bytes, const DecodeOptions& options);

}  // namespace monocle
