// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), for API keys only: everything else hashes with XXH3 (base/hash.h).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace monocle::api {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);

}  // namespace monocle::api
