// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include <algorithm>
#include <cstdint>

namespace monocle {
namespace {

HttpVerdict refuse(int status, std::string message) {
  return HttpRefusal{status, std::move(message)};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool all_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

HttpVerdict target_too_long(std::size_t limit) {
  return refuse(414, fmt::format("the request target is longer than {} bytes", limit));
}

HttpVerdict head_too_long(std::size_t limit) {
  return refuse(431, fmt::format("the request head is longer than {} bytes", limit));
}

HttpVerdict check_line_bytes(std::string_view line) {
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
      return refuse(400, fmt::format("the request head holds the control byte {:#04x}", byte));
    }
  }
  return {};
}

// "METHOD target HTTP/x.y"; the parser checks the rest.
HttpVerdict check_request_line(std::string_view line, const HttpLimits& limits) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || last == first) {
    return refuse(400, "the request line is not 'METHOD target HTTP/version'");
  }
  if (last - first - 1 > limits.target_bytes) return target_too_long(limits.target_bytes);
  const std::string_view version = line.substr(last + 1);
  if (version.starts_with("HTTP/") && version != "HTTP/1.1" && version != "HTTP/1.0") {
    return refuse(505, "this server speaks HTTP/1.1 and HTTP/1.0");
  }
  return {};
}

// A length that two readers could read differently is refused: "+5", "5, 5", "0x5", 20 digits.
HttpVerdict check_content_length(const HttpRequest& request) {
  const std::size_t count = count_headers(request, "content-length");
  if (count == 0) return {};
  if (count > 1) return refuse(400, "Content-Length is given more than once");
  const std::string_view value = request.header("content-length");
  if (!all_digits(value) || value.size() > 18) {
    return refuse(400, "Content-Length is not a number of at most 18 digits");
  }
  return {};
}

HttpVerdict check_transfer_encoding(const HttpRequest& request, int version) {
  const std::size_t count = count_headers(request, "transfer-encoding");
  if (count == 0) return {};
  if (count_headers(request, "content-length") > 0) {
    return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
  }
  if (version < 11) return refuse(400, "Transfer-Encoding needs HTTP/1.1");
  if (count > 1) return refuse(400, "Transfer-Encoding is given more than once");
  if (!equals_ignoring_case(request.header("transfer-encoding"), "chunked")) {
    return refuse(501, "the only Transfer-Encoding of this server is chunked");
  }
  return {};
}

// Decodes "%xx". What a path must never hold after decoding would be cut or misread elsewhere.
bool decode_path(std::string_view text, std::string* path) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]);
      const int low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return false;
    path->push_back(c);
  }
  return true;
}

}  // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::size_t count_headers(const HttpRequest& request, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(
      request.headers.begin(), request.headers.end(),
      [&](const HttpHeader& header) { return equals_ignoring_case(header.name, name); }));
}

std::string_view HttpRequest::header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (equals_ignoring_case(header.name, name)) return header.value;
  }
  return {};
}

std::size_t head_length(std::string_view bytes, std::size_t scanned) {
  const std::size_t from = scanned < 3 ? 0 : scanned - 3;
  const std::size_t end = bytes.find("\r\n\r\n", from);
  return end == std::string_view::npos ? 0 : end + 4;
}

HttpVerdict check_partial_head(std::string_view bytes, const HttpLimits& limits) {
  // The longest request line: a method of 32 letters and the version besides the target.
  const std::size_t longest_line = limits.target_bytes + 32 + sizeof("  HTTP/1.1");
  if (bytes.size() > longest_line &&
      bytes.substr(0, longest_line).find('\n') == std::string_view::npos) {
    return target_too_long(limits.target_bytes);
  }
  if (bytes.size() > limits.header_bytes) return head_too_long(limits.header_bytes);
  return {};
}

HttpVerdict check_head_bytes(std::string_view head, const HttpLimits& limits) {
  if (head.size() > limits.header_bytes) return head_too_long(limits.header_bytes);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < head.size(); ++lines) {
    const std::size_t end = head.find("\r\n", at);
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    if (HttpVerdict verdict = check_line_bytes(line)) return verdict;
    if (lines == 0) {
      if (HttpVerdict verdict = check_request_line(line, limits)) return verdict;
    } else if (line.starts_with(' ') || line.starts_with('\t')) {
      return refuse(400, "a header line begins with white space");
    }
  }
  // The request line and the blank line are no fields.
  if (lines > limits.header_fields + 2) {
    return refuse(431,
                  fmt::format("the request has more than {} header fields", limits.header_fields));
  }
  return {};
}

HttpVerdict check_head_fields(const HttpRequest& request, int version) {
  const auto upper = [](char c) { return (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; };
  if (!std::all_of(request.method.begin(), request.method.end(), upper) ||
      request.method == "CONNECT") {
    return refuse(501, "this server does not know the request's method");
  }
  const std::size_t hosts = count_headers(request, "host");
  if (hosts > 1 || (hosts == 0 && version >= 11)) {
    return refuse(400, "a request has exactly one Host header");
  }
  // Who reads the first and who reads the last would decide about different requests.
  for (const char* name : {"authorization", "content-type", "origin"}) {
    if (count_headers(request, name) > 1) {
      return refuse(400, fmt::format("the header {} is given more than once", name));
    }
  }
  if (HttpVerdict verdict = check_content_length(request)) return verdict;
  if (HttpVerdict verdict = check_transfer_encoding(request, version)) return verdict;
  return {};
}

HttpVerdict split_target(HttpRequest* request) {
  std::string_view rest = request->target;
  if (rest.find('#') != std::string_view::npos)
    return refuse(400, "the request target holds a '#'");
  if (!rest.starts_with('/') && rest != "*") {
    const std::size_t scheme = rest.find("://");
    if (scheme == std::string_view::npos)
      return refuse(400, "the request target does not begin with '/'");
    rest.remove_prefix(scheme + 3);
    const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
    // Whoever checks the Host header must not be got round by naming another host in the target.
    if (!equals_ignoring_case(rest.substr(0, slash), request->header("host"))) {
      return refuse(400, "the request target names another host than the Host header");
    }
    rest.remove_prefix(slash);
  }
  const std::size_t question = rest.find('?');
  const std::string_view path = rest.substr(0, question);
  if (question != std::string_view::npos) request->query = rest.substr(question + 1);
  if (!decode_path(path, &request->path)) {
    return refuse(400, "the request path holds a bad '%' sequence or a control character");
  }
  if (request->path.empty()) request->path = "/";
  return {};
}

}  // namespace monocle
