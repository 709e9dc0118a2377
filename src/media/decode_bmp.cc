// SPDX-License-Identifier: Apache-2.0
// Windows and OS/2 bitmaps: 1, 4, 8, 16, 24 and 32 bits, RLE4/RLE8, bit fields, both row orders.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "media/codec.h"

namespace monocle::media {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kFileHeader = 14;
enum Compression : std::uint32_t {
  kRgb = 0,
  kRle8 = 1,
  kRle4 = 2,
  kBitFields = 3,
  kAlphaBitFields = 6
};

struct Layout {
  std::uint32_t header_bytes = 0;
  int width = 0, height = 0;
  bool top_down = false;
  std::uint32_t bits = 0, compression = kRgb;
  std::array<std::uint32_t, 4> masks{};  // red, green, blue, alpha
  std::size_t palette_at = 0, palette_entry = 4, palette_count = 0;
  std::size_t pixels_at = 0;

  [[nodiscard]] std::size_t row_bytes() const {
    return (static_cast<std::size_t>(width) * bits + 31) / 32 * 4;
  }
};

tl::unexpected<Error> truncated() {
  return fail(ErrorCode::kInvalidArgument, "BMP image cannot be decoded: the file is truncated");
}

bool matches(Bytes bytes) { return starts_with(bytes, 0, "BM"sv); }

// The masks stand in the header from version 2 on, behind it in version 1.
Status read_masks(Bytes bytes, Layout& layout) {
  const bool fields = layout.compression == kBitFields || layout.compression == kAlphaBitFields;
  if (layout.bits == 16) {
    layout.masks = {0x7c00, 0x03e0, 0x001f, 0};
  } else if (layout.bits == 32) {
    layout.masks = {0xff0000, 0x00ff00, 0x0000ff, 0};
  }
  if (!fields) {
    return {};
  }
  if (layout.bits != 16 && layout.bits != 32) {
    return fail(ErrorCode::kUnsupported,
                "BMP image has bit fields with {} bits per pixel, only 16 and 32 may", layout.bits);
  }
  const bool alpha = layout.header_bytes >= 56 || layout.compression == kAlphaBitFields;
  const std::size_t count = alpha ? 4 : 3;
  constexpr std::size_t kMasksAt = kFileHeader + 40;
  if (bytes.size() < kMasksAt + count * 4) {
    return truncated();
  }
  std::array<std::uint32_t, 4> masks{};
  for (std::size_t i = 0; i < count; ++i) {
    masks[i] = le32(bytes, kMasksAt + i * 4);
    const std::uint32_t run = masks[i] == 0 ? 0 : masks[i] >> std::countr_zero(masks[i]);
    if ((run & (run + 1)) != 0) {
      return fail(ErrorCode::kUnsupported, "BMP image has a channel mask {:#x} with gaps",
                  masks[i]);
    }
  }
  if ((masks[0] | masks[1] | masks[2]) != 0) {
    layout.masks = masks;
  }
  if (layout.header_bytes == 40) {
    layout.palette_at += count * 4;
  }
  return {};
}

Status check_depth(const Layout& layout) {
  const std::uint32_t bits = layout.bits;
  if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
    return fail(ErrorCode::kUnsupported,
                "BMP image has {} bits per pixel, only 1, 4, 8, 16, 24 and 32 are supported", bits);
  }
  const std::uint32_t how = layout.compression;
  const bool known = how == kRgb || how == kBitFields || how == kAlphaBitFields ||
                     (how == kRle8 && bits == 8) || (how == kRle4 && bits == 4);
  if (!known || (layout.header_bytes == 64 && how > kRle4)) {
    return fail(ErrorCode::kUnsupported,
                "BMP image has compression {} with {} bits per pixel, which is not supported", how,
                bits);
  }
  return {};
}

Status read_info_header(Bytes bytes, Layout& layout) {
  const std::uint32_t size = layout.header_bytes;
  if (size == 12) {
    layout.width = static_cast<int>(le16(bytes, 18));
    layout.height = static_cast<int>(le16(bytes, 20));
    layout.bits = le16(bytes, 24);
    layout.palette_entry = 3;
    return {};
  }
  layout.width = static_cast<int>(le32(bytes, 18));
  const auto height = static_cast<std::int32_t>(le32(bytes, 22));
  layout.top_down = height < 0;
  if (layout.width < 0 || height == INT32_MIN) {
    return fail(ErrorCode::kInvalidArgument, "BMP image is {}x{}, sides must be positive",
                layout.width, height);
  }
  layout.height = layout.top_down ? -height : height;
  layout.bits = le16(bytes, 28);
  layout.compression = le32(bytes, 30);
  layout.palette_count = le32(bytes, 46);
  return {};
}

Result<Layout> read_layout(Bytes bytes) {
  if (bytes.size() < kFileHeader + 12) {
    return truncated();
  }
  Layout layout;
  layout.header_bytes = le32(bytes, kFileHeader);
  constexpr std::array<std::uint32_t, 7> kSizes = {12, 40, 52, 56, 64, 108, 124};
  if (std::find(kSizes.begin(), kSizes.end(), layout.header_bytes) == kSizes.end()) {
    return fail(ErrorCode::kUnsupported, "BMP image has an unknown header of {} bytes",
                layout.header_bytes);
  }
  if (bytes.size() < kFileHeader + layout.header_bytes) {
    return truncated();
  }
  MONOCLE_TRY(read_info_header(bytes, layout));
  MONOCLE_TRY(check_depth(layout));
  layout.palette_at = kFileHeader + layout.header_bytes;
  MONOCLE_TRY(read_masks(bytes, layout));
  if (layout.bits <= 8) {
    const std::size_t all = std::size_t{1} << layout.bits;
    layout.palette_count = layout.palette_count == 0 ? all : layout.palette_count;
    if (layout.palette_count > all) {
      layout.palette_count = all;
    }
  } else {
    layout.palette_count = 0;
  }
  layout.pixels_at = std::max<std::size_t>(
      le32(bytes, 10), layout.palette_at + layout.palette_count * layout.palette_entry);
  if (layout.pixels_at > bytes.size()) {
    return truncated();
  }
  return layout;
}

struct Rgb {
  std::uint8_t r, g, b;
};
using Palette = std::array<Rgb, 256>;

// Entries are stored blue first; indices without an entry are black.
Palette read_palette(Bytes bytes, const Layout& layout) {
  Palette palette{};
  for (std::size_t i = 0; i < layout.palette_count; ++i) {
    const std::size_t at = layout.palette_at + i * layout.palette_entry;
    const auto channel = [&](std::size_t c) {
      return static_cast<std::uint8_t>(u8_at(bytes, at + c));
    };
    palette[i] = {channel(2), channel(1), channel(0)};
  }
  return palette;
}

// A masked field widened to 0..255, rounding down.
std::uint32_t field(std::uint32_t pixel, std::uint32_t mask) {
  if (mask == 0) {
    return 0;
  }
  const int shift = std::countr_zero(mask);
  return static_cast<std::uint32_t>(std::uint64_t{(pixel & mask) >> shift} * 255 / (mask >> shift));
}

void indexed_row(const Layout& layout, const Palette& palette, Bytes row, std::uint8_t* rgb) {
  const std::size_t per_byte = 8 / layout.bits;
  const std::uint32_t mask = (1U << layout.bits) - 1;
  for (std::size_t x = 0; x < static_cast<std::size_t>(layout.width); ++x) {
    const auto shift = static_cast<std::uint32_t>(per_byte - 1 - x % per_byte) * layout.bits;
    const Rgb color = palette[(u8_at(row, x / per_byte) >> shift) & mask];
    std::memcpy(rgb + x * 3, &color, 3);
  }
}

void masked_row(const Layout& layout, AlphaPolicy alpha, Bytes row, std::uint8_t* rgb) {
  const bool blend = alpha == AlphaPolicy::kBlendOnWhite && layout.masks[3] != 0;
  for (std::size_t x = 0; x < static_cast<std::size_t>(layout.width); ++x) {
    const std::uint32_t pixel = layout.bits == 16 ? le16(row, x * 2) : le32(row, x * 4);
    const std::uint32_t opacity = blend ? field(pixel, layout.masks[3]) : 255;
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[x * 3 + c] = over_white(field(pixel, layout.masks[c]), opacity);
    }
  }
}

void bgr_row(const Layout& layout, Bytes row, std::uint8_t* rgb) {
  for (std::size_t x = 0; x < static_cast<std::size_t>(layout.width); ++x) {
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[x * 3 + c] = static_cast<std::uint8_t>(u8_at(row, x * 3 + 2 - c));
    }
  }
}

// Run-length rows: pixels come in file order (bottom row first when bottom-up); what is skipped is
// entry 0.
class RleCanvas {
 public:
  RleCanvas(const Layout& layout, const Palette& palette, Image& image)
      : layout_(layout), palette_(palette), image_(image) {
    for (std::size_t i = 0; i < image.rgb.size(); i += 3) {
      std::memcpy(&image.rgb[i], &palette[0], 3);
    }
  }
  [[nodiscard]] bool full() const { return y_ >= layout_.height; }
  void put(std::uint32_t index) {
    if (x_ < layout_.width && !full()) {
      const int row = layout_.top_down ? y_ : layout_.height - 1 - y_;
      std::memcpy(image_.row(row) + static_cast<std::size_t>(x_) * 3, &palette_[index], 3);
      ++x_;
    }
  }
  void end_line() {
    x_ = 0;
    ++y_;
  }
  void skip(std::uint32_t right, std::uint32_t rows) {
    x_ = std::min(x_ + static_cast<int>(right), layout_.width);
    y_ = std::min(y_ + static_cast<int>(rows), layout_.height);
  }

 private:
  const Layout& layout_;
  const Palette& palette_;
  Image& image_;
  int x_ = 0, y_ = 0;
};

Status decode_rle(Bytes bytes, const Layout& layout, RleCanvas& canvas) {
  const bool nibbles = layout.compression == kRle4;
  const auto pixel = [&](std::size_t at, std::uint32_t i) {
    return !nibbles ? u8_at(bytes, at + i)
                    : (u8_at(bytes, at + i / 2) >> ((i & 1) != 0 ? 0 : 4)) & 15;
  };
  std::size_t at = layout.pixels_at;
  while (!canvas.full()) {
    if (bytes.size() - at < 2) {
      return truncated();
    }
    const std::uint32_t count = u8_at(bytes, at);
    const std::uint32_t value = u8_at(bytes, at + 1);
    at += 2;
    if (count > 0) {
      for (std::uint32_t i = 0; i < count; ++i) {
        canvas.put(nibbles ? pixel(at - 1, i & 1) : value);
      }
    } else if (value == 0) {
      canvas.end_line();
    } else if (value == 1) {
      return {};
    } else if (value == 2) {
      if (bytes.size() - at < 2) {
        return truncated();
      }
      canvas.skip(u8_at(bytes, at), u8_at(bytes, at + 1));
      at += 2;
    } else {
      const std::size_t length = nibbles ? (value + 1) / 2 : value;
      if (bytes.size() - at < length) {
        return truncated();
      }
      for (std::uint32_t i = 0; i < value; ++i) {
        canvas.put(pixel(at, i));
      }
      at = std::min(at + length + (length & 1), bytes.size());
    }
  }
  return {};
}

Result<ImageHeader> header(Bytes bytes) {
  MONOCLE_ASSIGN(const Layout layout, read_layout(bytes));
  return ImageHeader{ImageFormat::kBmp, layout.width, layout.height, 1};
}

Result<Decoded> decode(Bytes bytes, const ImageHeader& header, AlphaPolicy alpha) {
  MONOCLE_ASSIGN(const Layout layout, read_layout(bytes));
  const Palette palette = read_palette(bytes, layout);
  const std::size_t row_bytes = layout.row_bytes();
  const bool rle = layout.compression == kRle8 || layout.compression == kRle4;
  if (!rle &&
      (bytes.size() - layout.pixels_at) / row_bytes < static_cast<std::size_t>(layout.height)) {
    return fail(ErrorCode::kInvalidArgument,
                "BMP image is truncated: {} bytes cannot hold {}x{} pixels of {} bits",
                bytes.size(), layout.width, layout.height, layout.bits);
  }
  Decoded decoded{make_image(header.width, header.height), 1};
  if (rle) {
    RleCanvas canvas(layout, palette, decoded.image);
    MONOCLE_TRY(decode_rle(bytes, layout, canvas));
    return decoded;
  }
  for (int y = 0; y < layout.height; ++y) {
    const Bytes row =
        bytes.subspan(layout.pixels_at + static_cast<std::size_t>(y) * row_bytes, row_bytes);
    std::uint8_t* rgb = decoded.image.row(layout.top_down ? y : layout.height - 1 - y);
    if (layout.bits <= 8) {
      indexed_row(layout, palette, row, rgb);
    } else if (layout.bits == 24) {
      bgr_row(layout, row, rgb);
    } else {
      masked_row(layout, alpha, row, rgb);
    }
  }
  return decoded;
}

}  // namespace

const Codec kBmpCodec = {ImageFormat::kBmp, matches, header, decode};

}  // namespace monocle::media
