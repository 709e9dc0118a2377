// SPDX-License-Identifier: Apache-2.0
#include "api/image_parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "api/base64.h"
#include "api/errors.h"

namespace monocle::api {
namespace {

constexpr std::int64_t kMaxPixelBudget = std::int64_t{1} << 30;

bool starts_with_any_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char p, char c) {
           return p == std::tolower(static_cast<unsigned char>(c));
         });
}

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

ApiError not_data(const std::string& path, std::string_view url) {
  if (starts_with_any_case(url, "http://") || starts_with_any_case(url, "https://")) {
    return bad_request(path,
                       fmt::format("{} is an address on the network; this server does not fetch "
                                   "pictures, send them as data: URIs",
                                   path),
                       "remote_media_disabled");
  }
  if (starts_with_any_case(url, "file:")) {
    return bad_request(path,
                       fmt::format("{} is a file: URL; this server does not read its own files for "
                                   "clients, send the picture as a data: URI",
                                   path),
                       "file_url_refused");
  }
  return bad_request(path,
                     fmt::format("{} starts with \"{}\", a data: URI with base64 is needed", path,
                                 url.substr(0, 24)),
                     "invalid_image_url");
}

std::optional<std::string> decode_data_uri(std::string_view url, const std::string& path,
                                           const ParseLimits& limits, Problem& problem) {
  url.remove_prefix(std::min(url.find_first_not_of(" \t\r\n"), url.size()));
  if (!starts_with_any_case(url, "data:")) {
    problem.add(not_data(path, url));
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
  const std::string_view data = url.substr(comma + 1);
  if (data.size() / 4 > limits.max_image_bytes / 3 + 1) {
    problem.add(too_large(path, fmt::format("{} holds about {} bytes, the limit is {}", path,
                                            data.size() / 4 * 3, limits.max_image_bytes)));
    return std::nullopt;
  }
  auto bytes = data.find('%') == std::string_view::npos ? decode_base64(data)
                                                        : decode_base64(percent_decoded(data));
  if (!bytes || bytes->empty()) {
    problem.add(path, path + (bytes ? " holds no data" : " is not valid base64"), "invalid_base64");
    return std::nullopt;
  }
  if (bytes->size() > limits.max_image_bytes) {
    problem.add(too_large(path, fmt::format("{} has {} bytes, the limit is {}", path, bytes->size(),
                                            limits.max_image_bytes)));
    return std::nullopt;
  }
  return bytes;
}

void take_budget(const Fields& holder, std::string_view low, std::string_view high,
                 PixelBudget& out) {
  if (const auto pixels = holder.integer(low, 1, kMaxPixelBudget)) {
    out.min_pixels = pixels;
  }
  if (const auto pixels = holder.integer(high, 1, kMaxPixelBudget)) {
    out.max_pixels = pixels;
  }
  if (out.min_pixels && out.max_pixels && *out.min_pixels > *out.max_pixels) {
    holder.problem().add(holder.path(low),
                         fmt::format("{} is {}, which is more than {} = {}", holder.path(low),
                                     *out.min_pixels, high, *out.max_pixels),
                         "invalid_value");
  }
}

void take_detail(const Fields& holder, const ParseLimits& limits, PixelBudget& out) {
  const std::string detail = holder.string_or("detail", "auto");
  if (detail == "low") {
    out.max_pixels = limits.low_detail_pixels;
    if (out.min_pixels && *out.min_pixels > *out.max_pixels) {
      out.min_pixels.reset();
    }
  } else if (detail == "high") {
    if (limits.high_detail_pixels > 0) {
      out.max_pixels = limits.high_detail_pixels;
    }
  } else if (detail != "auto") {
    holder.problem().add(holder.path("detail"),
                         fmt::format("{} is \"{}\", low, high or auto is needed",
                                     holder.path("detail"), detail.substr(0, 32)),
                         "invalid_value");
  }
}

}  // namespace

PixelBudget parse_processor_kwargs(const Fields& body) {
  PixelBudget budget;
  const Json* kwargs = body.object("mm_processor_kwargs");
  if (kwargs == nullptr) {
    return budget;
  }
  const Fields fields(*kwargs, "mm_processor_kwargs", body.problem());
  fields.only({"min_pixels", "max_pixels", "size"});
  take_budget(fields, "min_pixels", "max_pixels", budget);
  if (const Json* size = fields.object("size")) {
    // The processor calls pixel counts edges.
    const Fields edges(*size, "mm_processor_kwargs.size", body.problem());
    edges.only({"shortest_edge", "longest_edge"});
    take_budget(edges, "shortest_edge", "longest_edge", budget);
  }
  return budget;
}

void parse_image(const Fields& part, std::string_view key, const PixelBudget& budget,
                 const ParseLimits& limits, std::vector<EncodedImage>& out) {
  Problem& problem = part.problem();
  if (out.size() == limits.max_images) {
    problem.add(part.path(key),
                fmt::format("{} is picture {}, the limit is {}", part.path(key), out.size() + 1,
                            limits.max_images),
                "too_many_images");
    return;
  }
  const Json* value = part.find(key);
  if (value == nullptr) {
    problem.add(part.path(key), fmt::format("{} is missing", part.path(key)),
                "missing_required_parameter");
    return;
  }
  PixelBudget own = budget;
  take_detail(part, limits, own);
  take_budget(part, "min_pixels", "max_pixels", own);
  std::string path = part.path(key);
  const std::string* url = value->string();
  if (url == nullptr) {
    const Fields fields(*value, path, problem);
    take_detail(fields, limits, own);
    take_budget(fields, "min_pixels", "max_pixels", own);
    path = fields.path("url");
    url = fields.string("url");
    if (url == nullptr) {
      problem.add(path, fmt::format("{} is missing", path), "missing_required_parameter");
      return;
    }
  }
  auto bytes = decode_data_uri(*url, path, limits, problem);
  if (bytes) {
    out.push_back({std::move(*bytes), std::move(path), own.min_pixels, own.max_pixels});
  }
}

}  // namespace monocle::api
