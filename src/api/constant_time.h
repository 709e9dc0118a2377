// SPDX-License-Identifier: Apache-2.0
// Comparing secrets: which operations are done depends on the length alone, never on the bytes. A
// template, so that a test can count them.
#pragma once

#include <cstddef>
#include <span>

namespace monocle::api {

// Both of the same length.
template <class Byte>
[[nodiscard]] bool same_secret(std::span<const Byte> a, std::span<const Byte> b) {
  auto different = Byte{0} ^ Byte { 0 };
  for (std::size_t i = 0; i < a.size(); ++i) {
    different = different | (a[i] ^ b[i]);
  }
  return different == 0;
}

}  // namespace monocle::api
