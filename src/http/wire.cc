// SPDX-License-Identifier: Apache-2.0
#include "http/wire.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "http/head.h"

namespace monocle {
namespace {

constexpr std::array<std::pair<int, std::string_view>, 41> kStatusTexts{{
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
}};

// Headers that only the server may set: they say how the bytes are to be read.
constexpr std::array<std::string_view, 6> kOwnHeaders{
    "content-length", "transfer-encoding", "connection", "date", "keep-alive", "trailer"};

bool is_own(std::string_view name) {
  return std::any_of(kOwnHeaders.begin(), kOwnHeaders.end(),
                     [&](std::string_view own) { return equals_ignoring_case(own, name); });
}

bool is_token(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

void append_header(const HttpHeader& header, std::string* out) {
  if (!is_token(header.name) || is_own(header.name)) return;
  *out += header.name;
  *out += ": ";
  for (const char c : header.value) {
    const auto byte = static_cast<unsigned char>(c);
    out->push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
  }
  *out += "\r\n";
}

}  // namespace

std::string_view status_text(int status) {
  const auto* found = std::find_if(kStatusTexts.begin(), kStatusTexts.end(),
                                   [&](const auto& entry) { return entry.first == status; });
  return found == kStatusTexts.end() ? "Status" : found->second;
}

bool has_body(int status) { return status >= 200 && status != 204 && status != 304; }

std::string format_head(const AnswerHead& head, const std::vector<HttpHeader>& headers) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", head.status, status_text(head.status));
  for (const HttpHeader& header : headers) append_header(header, &out);
  out += fmt::format("Date: {:%a, %d %b %Y %H:%M:%S} GMT\r\n", fmt::gmtime(std::time(nullptr)));
  if (has_body(head.status)) {
    if (head.length) out += fmt::format("Content-Length: {}\r\n", *head.length);
    if (head.chunked) out += "Transfer-Encoding: chunked\r\n";
  }
  out += head.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

std::string chunk_prefix(std::size_t bytes) { return fmt::format("{:x}\r\n", bytes); }

}  // namespace monocle
