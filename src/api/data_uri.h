// SPDX-License-Identifier: Apache-2.0
// data: URIs with base64, the only form in which pictures and frames arrive. Internal to the room's
// parsers.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "api/field.h"

namespace monocle::api {

// ASCII letters of `text` may have any case; `prefix` is in lower case.
bool starts_with_any_case(std::string_view text, std::string_view prefix);

// `url` without the white space in front of it.
std::string_view trimmed_front(std::string_view url);

// What is wrong with an address that is no data: URI; `what` is wanted: "picture" or "video".
ApiError not_data(const std::string& path, std::string_view url, std::string_view what);

// The bytes behind "base64,"; more than max_bytes, none or damaged ones are a problem of `path`.
std::optional<std::string> decode_data(std::string_view data, const std::string& path,
                                       std::size_t max_bytes, Problem& problem);

// The bytes of a picture's URI; its media type is not looked at.
std::optional<std::string> decode_data_uri(std::string_view url, const std::string& path,
                                           std::size_t max_bytes, Problem& problem);

}  // namespace monocle::api
