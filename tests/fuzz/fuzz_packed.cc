// SPDX-License-Identifier: Apache-2.0
// Seed corpus: tests/data/weights, the .header files.
#include "store_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  monocle::fuzz::check_packed(std::as_bytes(std::span(data, size)));
  return 0;
}
