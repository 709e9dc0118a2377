// SPDX-License-Identifier: Apache-2.0
// What a request head must look like beyond its grammar: the strict rules that keep two servers
// from reading the same bytes as different requests. Pure functions of bytes, no sockets.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "http/server.h"

namespace monocle {

// Why a request is answered by the server itself. The connection closes after it.
struct HttpRefusal {
  int status = 400;
  std::string message;
};
using HttpVerdict = std::optional<HttpRefusal>;  // empty: nothing wrong

// The number of bytes of the head with its blank line, 0 while it is incomplete. `scanned` bytes
// are known not to hold the end.
std::size_t head_length(std::string_view bytes, std::size_t scanned);

// A head whose end has not come yet, and that cannot become an acceptable one any more.
HttpVerdict check_partial_head(std::string_view bytes, const HttpLimits& limits);

// The bytes of a whole head: size, lines, bare CR or LF, NUL, folded lines, number of fields.
HttpVerdict check_head_bytes(std::string_view head, const HttpLimits& limits);

// The fields of a parsed head: Host, Content-Length, Transfer-Encoding, Expect, the method.
HttpVerdict check_head_fields(const HttpRequest& request, int version);

// Fills path and query from target.
HttpVerdict split_target(HttpRequest* request);

bool equals_ignoring_case(std::string_view a, std::string_view b);

// The number of headers of that name.
std::size_t count_headers(const HttpRequest& request, std::string_view name);

}  // namespace monocle
