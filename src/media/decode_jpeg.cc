// SPDX-License-Identifier: Apache-2.0
// libjpeg reports errors by calling a function that must not return, so they leave by longjmp.
// Every step that may fail is a plain function run by guarded(), whose skipped frames hold nothing
// with a destructor.
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

// jerror.h names the arithmetic decoder's warning only when told that the library has that decoder,
// as Debian's has.
#define D_ARITH_CODING_SUPPORTED 1
#include <jerror.h>
#include <jpeglib.h>

#include "media/codec.h"
#include "media/exif.h"

namespace monocle::media {
namespace {

// A progressive file may repeat scans without end; encoders write about 10, and each costs a pass
// over the picture.
constexpr int kMaxScans = 100;
constexpr int kApp1 = JPEG_APP0 + 1;

struct JpegState {
  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};
  Bytes bytes;
  std::uint8_t* rows = nullptr;  // where read_rows writes: RGB
  std::uint8_t* cmyk = nullptr;  // one row of scratch, only for CMYK

  JpegState() = default;
  JpegState(const JpegState&) = delete;
  JpegState& operator=(const JpegState&) = delete;
  ~JpegState() { jpeg_destroy_decompress(&jpeg); }
};

JpegState& state_of(j_common_ptr jpeg) { return *static_cast<JpegState*>(jpeg->client_data); }

[[noreturn]] void on_error(j_common_ptr jpeg) {
  JpegState& state = state_of(jpeg);
  (*jpeg->err->format_message)(jpeg, state.message);
  std::longjmp(state.jump, 1);
}

// Warnings that mean "pixels are missing or invented" are errors here; the harmless ones pass in
// silence.
void on_message(j_common_ptr jpeg, int level) {
  if (level >= 0) {
    return;
  }
  switch (jpeg->err->msg_code) {
    case JWRN_JPEG_EOF:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      on_error(jpeg);
    default:
      break;
  }
}

void on_output(j_common_ptr /*jpeg*/) {}

// Of the marker at or after `at`, or the end of the file: 0xFF and a byte that is neither stuffing,
// nor filling, nor a restart inside a scan.
std::size_t next_marker(Bytes bytes, std::size_t at) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  while (at + 1 < bytes.size()) {
    const void* found = std::memchr(data + at, 0xFF, bytes.size() - at - 1);
    if (found == nullptr) {
      break;
    }
    at = static_cast<std::size_t>(static_cast<const unsigned char*>(found) - data);
    const unsigned char code = data[at + 1];
    if (code != 0x00 && code != 0xFF && (code < JPEG_RST0 || code > JPEG_RST0 + 7)) {
      return at;
    }
    at += code == 0xFF ? 1 : 2;
  }
  return bytes.size();
}

// By the markers alone, a pass over the bytes instead of one over the picture for each scan.
int count_scans(Bytes bytes) {
  constexpr std::uint32_t kStartOfScan = 0xDA;
  constexpr std::size_t kMarkerBytes = 2;
  int scans = 0;
  for (std::size_t at = next_marker(bytes, kMarkerBytes); at + 4 <= bytes.size();) {
    const std::uint32_t code = u8_at(bytes, at + 1);
    if (code == JPEG_EOI) {
      break;
    }
    scans += code == kStartOfScan ? 1 : 0;
    at = next_marker(bytes, at + kMarkerBytes + be16(bytes, at + kMarkerBytes));
  }
  return scans;
}

// What count_scans() finds is refused before; this holds for files on which libjpeg and it
// disagree.
void on_progress(j_common_ptr jpeg) {
  JpegState& state = state_of(jpeg);
  if (state.jpeg.input_scan_number > kMaxScans) {
    std::snprintf(state.message, sizeof state.message, "it has more than %d scans", kMaxScans);
    std::longjmp(state.jump, 1);
  }
}

bool guarded(JpegState& state, void (*step)(JpegState&)) {
  if (setjmp(state.jump) != 0) {
    return false;
  }
  step(state);
  return true;
}

void open_header(JpegState& state) {
  jpeg_create_decompress(&state.jpeg);
  state.jpeg.progress = &state.progress;
  jpeg_mem_src(&state.jpeg, reinterpret_cast<const unsigned char*>(state.bytes.data()),
               static_cast<unsigned long>(state.bytes.size()));
  jpeg_save_markers(&state.jpeg, kApp1, 0xFFFF);
  jpeg_read_header(&state.jpeg, TRUE);
}

void start(JpegState& state) {
  const bool cmyk =
      state.jpeg.jpeg_color_space == JCS_CMYK || state.jpeg.jpeg_color_space == JCS_YCCK;
  state.jpeg.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&state.jpeg);
}

// Files with four components store inverted ink (the convention of the program that writes nearly
// all of them).
void cmyk_row_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb, std::size_t width) {
  const auto times = [](int a, int b) {
    const int product = a * b + 128;
    return ((product >> 8) + product) >> 8;
  };
  for (std::size_t x = 0; x < width; ++x) {
    const int light = cmyk[x * 4 + 3];
    for (std::size_t c = 0; c < 3; ++c) {
      rgb[x * 3 + c] = static_cast<std::uint8_t>(light - times(255 - cmyk[x * 4 + c], light));
    }
  }
}

void read_rows(JpegState& state) {
  jpeg_decompress_struct& jpeg = state.jpeg;
  const std::size_t width = jpeg.output_width;
  while (jpeg.output_scanline < jpeg.output_height) {
    std::uint8_t* row = state.rows + width * 3 * jpeg.output_scanline;
    JSAMPROW target = state.cmyk != nullptr ? state.cmyk : row;
    jpeg_read_scanlines(&jpeg, &target, 1);
    if (state.cmyk != nullptr) {
      cmyk_row_to_rgb(state.cmyk, row, width);
    }
  }
}

tl::unexpected<Error> damaged(const JpegState& state) {
  return fail(ErrorCode::kInvalidArgument, "JPEG image cannot be decoded: {}", state.message);
}

std::unique_ptr<JpegState> make_state(Bytes bytes) {
  auto state = std::make_unique<JpegState>();
  state->bytes = bytes;
  state->jpeg.err = jpeg_std_error(&state->errors);
  state->jpeg.client_data = state.get();
  state->errors.error_exit = on_error;
  state->errors.emit_message = on_message;
  state->errors.output_message = on_output;
  state->progress.progress_monitor = on_progress;
  return state;
}

bool matches(Bytes bytes) { return starts_with(bytes, 0, "\xff\xd8\xff"); }

int orientation_of(const jpeg_decompress_struct& jpeg) {
  using namespace std::string_view_literals;
  for (jpeg_saved_marker_ptr marker = jpeg.marker_list; marker != nullptr; marker = marker->next) {
    const Bytes data(reinterpret_cast<const std::byte*>(marker->data), marker->data_length);
    if (marker->marker == kApp1 && starts_with(data, 0, "Exif\0\0"sv)) {
      return exif_orientation(data);
    }
  }
  return 1;
}

Result<ImageHeader> header(Bytes bytes) {
  const auto state = make_state(bytes);
  if (!guarded(*state, open_header)) {
    return damaged(*state);
  }
  return ImageHeader{ImageFormat::kJpeg, static_cast<int>(state->jpeg.image_width),
                     static_cast<int>(state->jpeg.image_height), orientation_of(state->jpeg)};
}

Result<Decoded> decode(Bytes bytes, const ImageHeader& header, AlphaPolicy /*JPEG has no alpha*/) {
  if (count_scans(bytes) > kMaxScans) {
    return fail(ErrorCode::kInvalidArgument,
                "JPEG image cannot be decoded: it has more than {} scans", kMaxScans);
  }
  const auto state = make_state(bytes);
  if (!guarded(*state, open_header)) {
    return damaged(*state);
  }
  // A Huffman coded block takes at least one bit, so a file this short cannot hold its picture:
  // said before the memory is taken. The factor 16 covers odd sampling factors.
  const std::size_t pixels =
      static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.height);
  if (state->jpeg.arith_code == FALSE && bytes.size() < pixels / 8192) {
    return fail(ErrorCode::kInvalidArgument,
                "JPEG image is truncated: {} bytes cannot hold {}x{} pixels", bytes.size(),
                header.width, header.height);
  }
  if (!guarded(*state, start)) {
    return damaged(*state);
  }
  Decoded decoded{make_image(header.width, header.height), orientation_of(state->jpeg)};
  std::vector<std::uint8_t> cmyk;
  if (state->jpeg.out_color_space == JCS_CMYK) {
    cmyk.resize(static_cast<std::size_t>(header.width) * 4);
    state->cmyk = cmyk.data();
  }
  state->rows = decoded.image.rgb.data();
  if (!guarded(*state, read_rows)) {
    return damaged(*state);
  }
  return decoded;
}

}  // namespace

const Codec kJpegCodec = {ImageFormat::kJpeg, matches, header, decode};

}  // namespace monocle::media
