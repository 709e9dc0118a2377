// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "request_target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  monocle::fuzz::check_request(std::as_bytes(std::span(data, size)));
  return 0;
}
