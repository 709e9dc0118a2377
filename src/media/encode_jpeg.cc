// SPDX-License-Identifier: Apache-2.0
#include "media/encode_jpeg.h"

#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>  // needs <cstdio> before it

#include "base/check.h"

namespace monocle {

std::string encode_jpeg(const Image& image, int quality) {
  MONOCLE_CHECK(image.width > 0 && image.height > 0);
  MONOCLE_CHECK(image.width <= JPEG_MAX_DIMENSION && image.height <= JPEG_MAX_DIMENSION);
  // With valid sizes and memory for its output, the library has nothing to report.
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = static_cast<JDIMENSION>(image.width);
  jpeg.image_height = static_cast<JDIMENSION>(image.height);
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, quality, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < image.height; ++y) {
    // The library's type has no const; it reads only.
    unsigned char* rows[] = {const_cast<unsigned char*>(image.row(y))};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string out(reinterpret_cast<const char*>(bytes), size);
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
  return out;
}

}  // namespace monocle
