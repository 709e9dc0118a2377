// SPDX-License-Identifier: Apache-2.0
// One request out of bytes: Beast's parser behind a wall, so that only one translation unit pays
// for it. Fed by the connection's I/O thread; keeps no bytes of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/head.h"

namespace monocle {

class RequestParser {
 public:
  RequestParser();
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // A whole head that passed check_head_bytes; fills all of `request` except body and remote.
  HttpVerdict head(std::string_view bytes, HttpRequest* request);

  [[nodiscard]] int version() const;  // 10 or 11
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] bool needs_body() const;
  [[nodiscard]] std::optional<std::uint64_t> content_length() const;

  // Of a chunked body, by the sizes that its chunks announce; a stated length is the caller's to
  // check.
  void limit_body(std::size_t bytes);
  // Appends what `bytes` hold of the body to `body` and sets `*consumed`; the rest is the next
  // request's, or wants more bytes behind it.
  HttpVerdict body(std::string_view bytes, std::string* body, std::size_t* consumed);
  [[nodiscard]] bool complete() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
