// SPDX-License-Identifier: Apache-2.0
// The seam between decode.cc and the decoders: one Codec per format, and the small byte and alpha
// helpers they share. Internal to the media room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "media/decode.h"
#include "media/image.h"

namespace monocle::media {

using Bytes = std::span<const std::byte>;

struct Decoded {
  Image image;
  int orientation = 1;  // EXIF 1..8, not yet applied
};

struct Codec {
  ImageFormat format;
  bool (*matches)(Bytes);
  Result<ImageHeader> (*header)(Bytes);
  // Called only with a header that passed the limits.
  Result<Decoded> (*decode)(Bytes, const ImageHeader&, AlphaPolicy);
};

extern const Codec kJpegCodec;
extern const Codec kPngCodec;
extern const Codec kWebpCodec;
extern const Codec kGifCodec;
extern const Codec kBmpCodec;

inline bool starts_with(Bytes bytes, std::size_t offset, std::string_view magic) {
  return bytes.size() >= offset && bytes.size() - offset >= magic.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()) + offset, magic.size()) ==
             magic;
}

// Unchecked reads: the caller has made sure that the bytes exist.
inline std::uint32_t u8_at(Bytes bytes, std::size_t at) {
  return std::to_integer<std::uint32_t>(bytes[at]);
}
inline std::uint32_t le16(Bytes bytes, std::size_t at) {
  return u8_at(bytes, at) | (u8_at(bytes, at + 1) << 8);
}
inline std::uint32_t le24(Bytes bytes, std::size_t at) {
  return le16(bytes, at) | (u8_at(bytes, at + 2) << 16);
}
inline std::uint32_t le32(Bytes bytes, std::size_t at) {
  return le16(bytes, at) | (le16(bytes, at + 2) << 16);
}
inline std::uint32_t be16(Bytes bytes, std::size_t at) {
  return (u8_at(bytes, at) << 8) | u8_at(bytes, at + 1);
}
inline std::uint32_t be32(Bytes bytes, std::size_t at) {
  return (be16(bytes, at) << 16) | be16(bytes, at + 2);
}

// One channel composited over white, rounded to nearest.
inline std::uint8_t over_white(std::uint32_t value, std::uint32_t alpha) {
  const std::uint32_t sum = value * alpha + 255 * (255 - alpha) + 128;
  return static_cast<std::uint8_t>(((sum >> 8) + sum) >> 8);
}

// rgba: [pixels, 4] -> rgb: [pixels, 3], composited over white.
inline void blend_rgba_on_white(const std::uint8_t* rgba, std::uint8_t* rgb, std::size_t pixels) {
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[i * 3 + c] = over_white(rgba[i * 4 + c], rgba[i * 4 + 3]);
    }
  }
}

}  // namespace monocle::media
