// SPDX-License-Identifier: Apache-2.0
#include "api/data_uri.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "api/base64.h"
#include "api/errors.h"

namespace monocle::api {
namespace {

// Some clients percent-encode the characters + / = of the data.
std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    const int lower = c | 0x20;
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape =
        text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    out += escape ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    i += escape ? 2 : 0;
  }
  return out;
}

}  // namespace

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char p, char c) {
           return p == std::tolower(static_cast<unsigned char>(c));
         });
}

std::string_view trimmed_front(std::string_view url) {
  url.remove_prefix(std::min(url.find_first_not_of(" \t\r\n"), url.size()));
  return url;
}

ApiError not_data(const std::string& path, std::string_view url, std::string_view what) {
  if (starts_with_any_case(url, "http://") || starts_with_any_case(url, "https://")) {
    return bad_request(path,
                       fmt::format("{} is an address on the network; this server does not fetch "
                                   "{}s, send them as data: URIs",
                                   path, what),
                       "remote_media_disabled");
  }
  if (starts_with_any_case(url, "file:")) {
    return bad_request(path,
                       fmt::format("{} is a file: URL; this server does not read its own files for "
                                   "clients, send the {} as a data: URI",
                                   path, what),
                       "file_url_refused");
  }
  return bad_request(path,
                     fmt::format("{} starts with \"{}\", a data: URI with base64 is needed", path,
                                 url.substr(0, 24)),
                     what == "video" ? "invalid_video_url" : "invalid_image_url");
}

std::optional<std::string> decode_data(std::string_view data, const std::string& path,
                                       std::size_t max_bytes, Problem& problem) {
  if (data.size() / 4 > max_bytes / 3 + 1) {
    problem.add(too_large(path, fmt::format("{} holds about {} bytes, the limit is {}", path,
                                            data.size() / 4 * 3, max_bytes)));
    return std::nullopt;
  }
  auto bytes = data.find('%') == std::string_view::npos ? decode_base64(data)
                                                        : decode_base64(percent_decoded(data));
  if (!bytes || bytes->empty()) {
    problem.add(path, path + (bytes ? " holds no data" : " is not valid base64"), "invalid_base64");
    return std::nullopt;
  }
  if (bytes->size() > max_bytes) {
    problem.add(too_large(
        path, fmt::format("{} has {} bytes, the limit is {}", path, bytes->size(), max_bytes)));
    return std::nullopt;
  }
  return bytes;
}

std::optional<std::string> decode_data_uri(std::string_view url, const std::string& path,
                                           std::size_t max_bytes, Problem& problem) {
  url = trimmed_front(url);
  if (!starts_with_any_case(url, "data:")) {
    problem.add(not_data(path, url, "picture"));
    return std::nullopt;
  }
  const std::size_t comma = url.find(',');
  const std::string_view head = url.substr(0, comma);
  constexpr std::string_view kBase64 = ";base64";
  if (comma == std::string_view::npos || head.size() < kBase64.size() ||
      !starts_with_any_case(head.substr(head.size() - kBase64.size()), kBase64)) {
    problem.add(
        path,
        fmt::format("{} is a data: URI without \";base64,\", which is the only form taken", path),
        "invalid_image_url");
    return std::nullopt;
  }
  return decode_data(url.substr(comma + 1), path, max_bytes, problem);
}

}  // namespace monocle::api
