// SPDX-License-Identifier: Apache-2.0
// Seed corpus: tests/data/images.
#include "image_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  monocle::fuzz::check_image(std::as_bytes(std::span(data, size)));
  return 0;
}
