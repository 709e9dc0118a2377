// SPDX-License-Identifier: Apache-2.0
// How an answer looks on the wire: status line, headers, chunks. Pure functions of bytes, no
// sockets.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace monocle {

std::string_view status_text(int status);

// Whether an answer of this status has a body at all (1xx, 204 and 304 have none).
bool has_body(int status);

struct AnswerHead {
  int status = 200;
  std::optional<std::size_t> length;  // absent: chunked, or delimited by the end of the connection
  bool chunked = false;
  bool keep_alive = true;
};

// The head with its blank line. Framing headers among `headers` are left out, line breaks in values
// become spaces: nothing that a handler copies from a request can add a header or an answer.
std::string format_head(const AnswerHead& head, const std::vector<HttpHeader>& headers);

// "1f\r\n", before that many bytes of a chunk.
std::string chunk_prefix(std::size_t bytes);

}  // namespace monocle
