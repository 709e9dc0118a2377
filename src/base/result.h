// SPDX-License-Identifier: Apache-2.0
// The error type of the whole library. Nothing below apps/ prints, exits or throws on user input:
// it returns Result<T>. ErrorCode maps 1:1 to a HTTP status in api/ and to an exit code in apps/.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace monocle {

enum class ErrorCode {
  kInvalidArgument,  // the caller's input is wrong: a field, a file, a flag
  kNotFound,         // a file, model or id that does not exist
  kTooLarge,         // a stated limit is exceeded
  kUnsupported,      // well-formed, but this build or model does not do it
  kQueueFull,        // try again later
  kCancelled,        // the caller gave up
  kUnavailable,      // shutting down, device lost
  kInternal,         // our fault
};

// A name for logs and JSON, e.g. "invalid_argument".
const char* error_code_name(ErrorCode code);
// What the system says of an errno, e.g. "No space left on device".
std::string errno_text(int error);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence that names the field, the value and the limit
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail(ErrorCode::kTooLarge, "image side {} exceeds {}", side, limit);
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format,
                                         Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...)});
}

// Adds where the error happened: "config.json: text_config.head_dim is 0".
[[nodiscard]] inline tl::unexpected<Error> prefixed(const std::string& where, Error error) {
  error.message = where + ": " + error.message;
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace monocle

#define MONOCLE_CONCAT_INNER(a, b) a##b
#define MONOCLE_CONCAT(a, b) MONOCLE_CONCAT_INNER(a, b)

// MONOCLE_TRY(expr): returns the error of a Status-like expression to the caller.
#define MONOCLE_TRY(expr)                                                           \
  do {                                                                              \
    auto monocle_status = (expr);                                                   \
    if (!monocle_status) {                                                          \
      return ::tl::unexpected<::monocle::Error>(std::move(monocle_status).error()); \
    }                                                                               \
  } while (false)

// MONOCLE_ASSIGN(auto header, parse_header(bytes)): declares `header` or returns the error.
#define MONOCLE_ASSIGN(lhs, expr) \
  MONOCLE_ASSIGN_IMPL(MONOCLE_CONCAT(monocle_result_, __LINE__), lhs, expr)
#define MONOCLE_ASSIGN_IMPL(tmp, lhs, expr)                            \
  auto tmp = (expr);                                                   \
  if (!tmp) {                                                          \
    return ::tl::unexpected<::monocle::Error>(std::move(tmp).error()); \
  }                                                                    \
  lhs = std::move(*tmp)
