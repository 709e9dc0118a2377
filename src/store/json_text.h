// SPDX-License-Identifier: Apache-2.0
// JSON out of a file: parsed into a document only after its size and depth are known to be
// harmless, and refused with one sentence that says where it breaks. For small files; a safetensors
// header is parsed as a stream instead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace monocle {

inline constexpr int kMaxJsonDepth = 32;

inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}
inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {static_cast<const std::byte*>(static_cast<const void*>(text.data())), text.size()};
}

// At most `limit` bytes of a name from a file, everything but printable ASCII replaced: fit for an
// error message, which must stay valid UTF-8 and must not drive a terminal.
std::string printable(std::string_view text, std::size_t limit = 100);

// The document must be an object. A key that appears twice in one object is refused: readers
// disagree about which one counts. The caller, who knows the file, adds its name to the message.
Result<nlohmann::json> parse_json_object(std::string_view text, std::size_t max_bytes);

}  // namespace monocle
