// SPDX-License-Identifier: Apache-2.0
// Content hashes: checksums of files, keys of the media and prefix caches. XXH3, not cryptographic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace monocle {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

std::uint64_t hash64(std::span<const std::byte> bytes, std::uint64_t seed = 0);
Hash128 hash128(std::span<const std::byte> bytes);

}  // namespace monocle
