// SPDX-License-Identifier: Apache-2.0
// First frame of a GIF (87a, 89a): block structure here, the variable-width LZW code stream in
// LzwReader.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "media/codec.h"

namespace monocle::media {
namespace {

using namespace std::string_view_literals;

struct Color {
  std::uint8_t r, g, b;
};
using Palette = std::array<Color, 256>;

struct Frame {
  int canvas_width = 0, canvas_height = 0;
  int x = 0, y = 0, width = 0, height = 0;
  bool interlaced = false;
  int transparent = -1;  // palette index, -1 when none
  Palette palette{};
  std::size_t data = 0;  // offset of the LZW minimum code size
};

tl::unexpected<Error> damaged(const char* why) {
  return fail(ErrorCode::kInvalidArgument, "GIF image cannot be decoded: {}", why);
}
tl::unexpected<Error> truncated() { return damaged("the file is truncated"); }

bool matches(Bytes bytes) {
  return starts_with(bytes, 0, "GIF87a"sv) || starts_with(bytes, 0, "GIF89a"sv);
}

// Colours a palette does not name stay a grey ramp.
Palette grey_ramp() {
  Palette palette;
  for (std::size_t i = 0; i < palette.size(); ++i) {
    const auto v = static_cast<std::uint8_t>(i);
    palette[i] = {v, v, v};
  }
  return palette;
}

// Reads the table announced by the low bits of `flags`; false when the bytes end.
bool read_palette(Bytes bytes, std::size_t& at, std::uint32_t flags, Palette& palette) {
  if ((flags & 0x80) == 0) {
    return true;
  }
  const std::size_t count = std::size_t{2} << (flags & 7);
  if (bytes.size() - at < count * 3) {
    return false;
  }
  palette = grey_ramp();
  std::memcpy(palette.data(), bytes.data() + at, count * 3);
  at += count * 3;
  return true;
}

bool skip_sub_blocks(Bytes bytes, std::size_t& at) {
  while (at < bytes.size()) {
    const std::size_t length = u8_at(bytes, at);
    at += 1;
    if (length == 0) {
      return true;
    }
    if (bytes.size() - at < length) {
      return false;
    }
    at += length;
  }
  return false;
}

// Image descriptor; `at` is behind the 0x2C.
Result<Frame> read_descriptor(Bytes bytes, std::size_t at, Frame frame) {
  if (bytes.size() - at < 10) {
    return truncated();
  }
  const auto field = [&](std::size_t offset) { return static_cast<int>(le16(bytes, at + offset)); };
  frame.x = field(0);
  frame.y = field(2);
  frame.width = field(4);
  frame.height = field(6);
  const std::uint32_t flags = u8_at(bytes, at + 8);
  frame.interlaced = (flags & 0x40) != 0;
  at += 9;
  if (!read_palette(bytes, at, flags, frame.palette)) {
    return truncated();
  }
  frame.data = at;
  // A frame that leaves the canvas widens it, as Pillow does.
  frame.canvas_width = std::max(frame.canvas_width, frame.x + frame.width);
  frame.canvas_height = std::max(frame.canvas_height, frame.y + frame.height);
  return frame;
}

Result<Frame> find_first_frame(Bytes bytes) {
  if (bytes.size() < 13) {
    return truncated();
  }
  Frame frame;
  frame.canvas_width = static_cast<int>(le16(bytes, 6));
  frame.canvas_height = static_cast<int>(le16(bytes, 8));
  frame.palette = grey_ramp();
  std::size_t at = 13;
  if (!read_palette(bytes, at, u8_at(bytes, 10), frame.palette)) {
    return truncated();
  }
  while (at < bytes.size()) {
    const std::uint32_t kind = u8_at(bytes, at++);
    if (kind == 0x2C) {
      return read_descriptor(bytes, at, frame);
    }
    if (kind == 0x3B) {
      return damaged("it has no frame");
    }
    if (kind != 0x21) {
      continue;  // padding between blocks, which some writers leave
    }
    if (bytes.size() - at < 7) {
      return truncated();
    }
    const bool graphic_control = u8_at(bytes, at) == 0xF9 && u8_at(bytes, at + 1) == 4;
    if (graphic_control && (u8_at(bytes, at + 2) & 1) != 0) {
      frame.transparent = static_cast<int>(u8_at(bytes, at + 5));
    }
    at += 1;
    if (!skip_sub_blocks(bytes, at)) {
      return truncated();
    }
  }
  return truncated();
}

// Bits of a chain of sub-blocks, least significant first.
class CodeReader {
 public:
  CodeReader(Bytes bytes, std::size_t at) : bytes_(bytes), at_(at) {}

  std::optional<std::uint32_t> next(std::uint32_t width) {
    while (count_ < width) {
      if (left_ == 0) {
        if (at_ >= bytes_.size() || u8_at(bytes_, at_) == 0) {
          return std::nullopt;
        }
        left_ = u8_at(bytes_, at_++);
      }
      if (at_ >= bytes_.size()) {
        return std::nullopt;
      }
      bits_ |= u8_at(bytes_, at_++) << count_;
      count_ += 8;
      --left_;
    }
    const std::uint32_t code = bits_ & ((1U << width) - 1);
    bits_ >>= width;
    count_ -= width;
    return code;
  }

 private:
  Bytes bytes_;
  std::size_t at_;
  std::uint32_t bits_ = 0, count_ = 0, left_ = 0;
};

// Writes palette colours of a frame in its own row order.
class FrameWriter {
 public:
  FrameWriter(const Frame& frame, const Palette& palette, Image& canvas)
      : frame_(frame), palette_(palette), canvas_(canvas) {}

  [[nodiscard]] bool full() const { return rows_done_ == frame_.height; }

  void put(std::uint8_t index) {
    const Color color = palette_[index];
    std::memcpy(canvas_.row(frame_.y + row_) + static_cast<std::size_t>(frame_.x + column_) * 3,
                &color, 3);
    if (++column_ == frame_.width) {
      column_ = 0;
      ++rows_done_;
      next_row();
    }
  }

 private:
  void next_row() {
    if (!frame_.interlaced) {
      ++row_;
      return;
    }
    static constexpr int kStart[] = {0, 4, 2, 1};
    static constexpr int kStep[] = {8, 8, 4, 2};
    row_ += kStep[pass_];
    while (row_ >= frame_.height && pass_ < 3) {
      row_ = kStart[++pass_];
    }
  }

  const Frame& frame_;
  const Palette& palette_;
  Image& canvas_;
  int column_ = 0, row_ = 0, rows_done_ = 0, pass_ = 0;
};

constexpr std::uint32_t kMaxCodes = 4096;

struct LzwTable {
  std::array<std::uint16_t, kMaxCodes> prefix;
  std::array<std::uint8_t, kMaxCodes> last;
  std::array<std::uint8_t, kMaxCodes> scratch;  // a string, last pixel first

  // Spells `code` into scratch from `length` on; the first pixel of the string ends up at the back.
  std::size_t spell(std::uint32_t code, std::uint32_t clear, std::size_t length) {
    while (code > clear) {
      scratch[length++] = last[code];
      code = prefix[code];
    }
    scratch[length++] = static_cast<std::uint8_t>(code);
    return length;
  }
};

Status decode_lzw(Bytes bytes, const Frame& frame, FrameWriter& out) {
  if (frame.data >= bytes.size()) {
    return truncated();
  }
  const std::uint32_t root_bits = u8_at(bytes, frame.data);
  if (root_bits < 1 || root_bits > 8) {
    return damaged("its code size is not 1..8");
  }
  const std::uint32_t clear = 1U << root_bits;
  constexpr std::uint32_t kNone = kMaxCodes;
  CodeReader reader(bytes, frame.data + 1);
  LzwTable table{};
  std::uint32_t width = root_bits + 1, next = clear + 2, previous = kNone;
  while (!out.full()) {
    const std::optional<std::uint32_t> read = reader.next(width);
    if (!read || *read == clear + 1) {
      return truncated();
    }
    const std::uint32_t code = *read;
    if (code == clear) {
      width = root_bits + 1;
      next = clear + 2;
      previous = kNone;
      continue;
    }
    if (code > next || (previous == kNone && code > clear) || (code == next && next == kMaxCodes)) {
      return damaged("its code stream is broken");
    }
    // A code not yet in the table is the previous string followed by that string's own first pixel.
    const bool unknown = code == next;
    std::size_t length = table.spell(unknown ? previous : code, clear, unknown ? 1 : 0);
    const std::uint8_t first = table.scratch[length - 1];
    if (unknown) {
      table.scratch[0] = first;
    }
    while (length > 0 && !out.full()) {
      out.put(table.scratch[--length]);
    }
    if (previous != kNone && next < kMaxCodes) {
      table.prefix[next] = static_cast<std::uint16_t>(previous);
      table.last[next] = first;
      ++next;
      width += next == (1U << width) && width < 12 ? 1U : 0U;
    }
    previous = code;
  }
  return {};
}

Result<ImageHeader> header(Bytes bytes) {
  MONOCLE_ASSIGN(const Frame frame, find_first_frame(bytes));
  return ImageHeader{ImageFormat::kGif, frame.canvas_width, frame.canvas_height, 1};
}

Result<Decoded> decode(Bytes bytes, const ImageHeader& header, AlphaPolicy alpha) {
  MONOCLE_ASSIGN(const Frame frame, find_first_frame(bytes));
  Decoded decoded{make_image(header.width, header.height), 1};
  Palette palette = frame.palette;
  constexpr Color kWhite{255, 255, 255};
  const bool blend = alpha == AlphaPolicy::kBlendOnWhite;
  if (blend && frame.transparent >= 0) {
    palette[static_cast<std::size_t>(frame.transparent)] = kWhite;
  }
  // Around the frame the canvas shows the transparent colour, or entry 0 when there is none (as
  // Pillow does).
  const Color around =
      blend ? kWhite : palette[static_cast<std::size_t>(std::max(frame.transparent, 0))];
  const bool covered = frame.width == header.width && frame.height == header.height;
  for (std::size_t i = 0; i < decoded.image.rgb.size() && !covered; i += 3) {
    std::memcpy(&decoded.image.rgb[i], &around, 3);
  }
  if (frame.width == 0 || frame.height == 0) {
    return damaged("its first frame has no pixels");
  }
  FrameWriter writer(frame, palette, decoded.image);
  MONOCLE_TRY(decode_lzw(bytes, frame, writer));
  return decoded;
}

}  // namespace

const Codec kGifCodec = {ImageFormat::kGif, matches, header, decode};

}  // namespace monocle::media
