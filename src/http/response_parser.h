// SPDX-License-Identifier: Apache-2.0
// One response out of bytes, for the client; its implementation is beside the request's
// (parsers.cc). Fed by one thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace monocle {

class ResponseParser {
 public:
  ResponseParser();
  ~ResponseParser();
  ResponseParser(const ResponseParser&) = delete;
  ResponseParser& operator=(const ResponseParser&) = delete;

  // Appends what `bytes` hold of the body to `body`; the number of bytes used. The rest wants more
  // bytes behind it.
  Result<std::size_t> feed(std::string_view bytes, std::string* body);
  // The connection ended: whether that is an end for this response.
  Status end();

  [[nodiscard]] bool head_done() const;
  [[nodiscard]] bool complete() const;
  [[nodiscard]] bool keep_alive() const;
  [[nodiscard]] int status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace monocle
