// SPDX-License-Identifier: Apache-2.0
// A decoded picture: owned RGB8 pixels, row-major, no padding. A plain value; moves between threads
// freely.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace monocle {

struct Size2d {
  int width = 0;
  int height = 0;
  friend bool operator==(const Size2d&, const Size2d&) = default;
};

struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;  // [height, width, 3]

  [[nodiscard]] Size2d size() const { return {width, height}; }
  [[nodiscard]] std::size_t row_bytes() const { return static_cast<std::size_t>(width) * 3; }
  [[nodiscard]] const std::uint8_t* row(int y) const {
    return rgb.data() + static_cast<std::size_t>(y) * row_bytes();
  }
  [[nodiscard]] std::uint8_t* row(int y) {
    return rgb.data() + static_cast<std::size_t>(y) * row_bytes();
  }
};

inline Image make_image(int width, int height) {
  Image image{width, height, {}};
  image.rgb.resize(image.row_bytes() * static_cast<std::size_t>(height));
  return image;
}

}  // namespace monocle
