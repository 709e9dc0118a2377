// SPDX-License-Identifier: Apache-2.0
// Base64 as clients really send it: both alphabets, with white space, with or without padding.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace monocle::api {

// Nothing: a character of neither alphabet, data behind the padding, or one character left over.
std::optional<std::string> decode_base64(std::string_view text);

std::string encode_base64(std::string_view bytes);  // standard alphabet, padded

// True when the text holds an unbroken run of base64 characters of at least `length`: a picture
// pasted into text, most likely.
bool has_base64_run(std::string_view text, std::size_t length);

}  // namespace monocle::api
