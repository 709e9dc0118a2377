// SPDX-License-Identifier: Apache-2.0
#include "media/exif.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace monocle::media {
namespace {

constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kTypeShort = 3;
constexpr std::uint32_t kTypeLong = 4;
constexpr std::size_t kEntryBytes = 12;

}  // namespace

int exif_orientation(Bytes tiff) {
  using namespace std::string_view_literals;
  if (starts_with(tiff, 0, "Exif\0\0"sv)) {
    tiff = tiff.subspan(6);
  }
  const bool little = starts_with(tiff, 0, "II*\0"sv);
  if (tiff.size() < 8 || (!little && !starts_with(tiff, 0, "MM\0*"sv))) {
    return 1;
  }
  const auto u16 = [&](std::size_t at) { return little ? le16(tiff, at) : be16(tiff, at); };
  const auto u32 = [&](std::size_t at) { return little ? le32(tiff, at) : be32(tiff, at); };
  const std::size_t directory = u32(4);
  if (directory > tiff.size() || tiff.size() - directory < 2) {
    return 1;
  }
  const std::size_t room = (tiff.size() - directory - 2) / kEntryBytes;
  const std::size_t entries = std::min<std::size_t>(u16(directory), room);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + i * kEntryBytes;
    if (u16(at) != kOrientationTag) {
      continue;
    }
    const std::uint32_t type = u16(at + 2);
    const std::uint32_t value = type == kTypeShort  ? u16(at + 8)
                                : type == kTypeLong ? u32(at + 8)
                                                    : 1;
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) {
    return image;
  }
  const bool transposed = orientation >= 5;
  const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out =
      transposed ? make_image(image.height, image.width) : make_image(image.width, image.height);
  // Source steps in pixels for one step right and one step down in the output.
  const std::ptrdiff_t source_x = flip_x ? -1 : 1;
  const std::ptrdiff_t source_y = flip_y ? -image.width : image.width;
  const std::ptrdiff_t right = transposed ? source_y : source_x;
  const std::ptrdiff_t down = transposed ? source_x : source_y;
  const std::ptrdiff_t origin =
      (flip_x ? image.width - 1 : 0) +
      (flip_y ? static_cast<std::ptrdiff_t>(image.height - 1) * image.width : 0);
  // Tiles keep both sides of a transpose in cache.
  constexpr int kTile = 64;
  for (int tile_y = 0; tile_y < out.height; tile_y += kTile) {
    for (int tile_x = 0; tile_x < out.width; tile_x += kTile) {
      const int end_y = std::min(tile_y + kTile, out.height);
      const int end_x = std::min(tile_x + kTile, out.width);
      for (int y = tile_y; y < end_y; ++y) {
        std::uint8_t* to = out.row(y) + static_cast<std::ptrdiff_t>(tile_x) * 3;
        const std::uint8_t* from = image.rgb.data() + (origin + y * down + tile_x * right) * 3;
        for (int x = tile_x; x < end_x; ++x, to += 3, from += right * 3) {
          to[0] = from[0];
          to[1] = from[1];
          to[2] = from[2];
        }
      }
    }
  }
  return out;
}

}  // namespace monocle::media
