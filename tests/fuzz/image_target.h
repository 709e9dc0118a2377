// SPDX-License-Identifier: Apache-2.0
// What both image fuzzers do with one input; a PNG also with its checksums repaired. Beyond "no
// crash": a refusal has a sentence, a picture has the size its header stated, and the two alpha
// policies agree on whether the file is good.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "media/decode.h"
#include "media/resize.h"

namespace monocle::fuzz {

// Small enough that the memory of a decode stays below kImageBytes and mutated headers meet the
// limits.
inline constexpr std::int64_t kImagePixels = 2'000'000;
// 12 bytes for each pixel, and what PNG metadata may inflate to.
inline constexpr std::size_t kImageBytes =
    static_cast<std::size_t>(kImagePixels) * 12 + (std::size_t{80} << 20);

inline std::uint32_t crc32(std::span<const std::byte> bytes) {
  std::uint32_t crc = ~0U;
  for (const std::byte byte : bytes) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320U : 0);
    }
  }
  return ~crc;
}

// Makes the checksum of every chunk right again: damage to a PNG would otherwise never come past
// them.
inline void repair_png(std::span<std::byte> bytes) {
  std::size_t at = 8;
  while (bytes.size() >= 12 && at <= bytes.size() - 12) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length = length << 8 | std::to_integer<std::size_t>(bytes[at + i]);
    }
    if (length > bytes.size() - at - 12) {
      return;
    }
    const std::uint32_t crc = crc32(bytes.subspan(at + 4, length + 4));
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[at + 8 + length + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
    }
    at += length + 12;
  }
}

inline bool is_png(std::span<const std::byte> bytes) {
  constexpr std::string_view kSignature = "\x89PNG";
  return bytes.size() > kSignature.size() &&
         std::equal(kSignature.begin(), kSignature.end(),
                    reinterpret_cast<const char*>(bytes.data()));
}

inline void check_bytes(std::span<const std::byte> bytes) {
  DecodeOptions options;
  options.limits.max_pixels = kImagePixels;
  const auto header = image_header(bytes, options.limits);
  const auto image = decode_image(bytes, options);
  options.alpha = AlphaPolicy::kBlendOnWhite;
  const auto blended = decode_image(bytes, options);
  MONOCLE_CHECK(image.has_value() == blended.has_value());
  if (!image) {
    MONOCLE_CHECK(!image.error().message.empty() && image.error().code != ErrorCode::kInternal);
    return;
  }
  MONOCLE_CHECK(header.has_value());
  const Size2d stored{header->width, header->height};
  const Size2d turned{header->height, header->width};
  MONOCLE_CHECK(image->size() == stored || image->size() == turned);
  MONOCLE_CHECK(image->rgb.size() == image->row_bytes() * static_cast<std::size_t>(image->height));
  MONOCLE_CHECK(blended->size() == image->size());
  const Image resized = resize_bicubic(*image, {64, 32}, ResizeForm::kTorchvision, nullptr);
  MONOCLE_CHECK(resized.rgb.size() == std::size_t{64} * 32 * 3);
}

inline void check_image(std::span<const std::byte> bytes) {
  check_bytes(bytes);
  if (is_png(bytes)) {
    std::vector<std::byte> repaired(bytes.begin(), bytes.end());
    repair_png(repaired);
    check_bytes(repaired);
  }
}

}  // namespace monocle::fuzz
