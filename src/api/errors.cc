// SPDX-License-Identifier: Apache-2.0
#include "api/errors.h"

#include <fmt/format.h>

#include <utility>

#include "api/json_writer.h"

namespace monocle::api {
namespace {

constexpr const char* kServerError = "server_error";
constexpr int kRetryMs = 1000;

ApiError make(int status, std::string message, const char* type, std::string code) {
  ApiError error;
  error.status = status;
  error.message = std::move(message);
  error.type = type;
  error.code = std::move(code);
  return error;
}

ApiError invalid(int status, std::string message, std::string code) {
  return make(status, std::move(message), "invalid_request_error", std::move(code));
}

}  // namespace

ApiError from_error(const Error& error, std::string param) {
  ApiError out;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      out = invalid(400, error.message, "invalid_value");
      break;
    case ErrorCode::kNotFound:
      out = invalid(404, error.message, "not_found");
      break;
    case ErrorCode::kTooLarge:
      out = invalid(413, error.message, "too_large");
      break;
    case ErrorCode::kUnsupported:
      out = invalid(400, error.message, "unsupported_value");
      break;
    case ErrorCode::kQueueFull:
      out = queue_full(error.message, kRetryMs);
      break;
    case ErrorCode::kCancelled:
      out = invalid(499, error.message, "cancelled");
      break;
    case ErrorCode::kUnavailable:
      out = unavailable(error.message, kRetryMs);
      break;
    case ErrorCode::kInternal:
      out = internal_error();
      break;
  }
  out.param = std::move(param);
  return out;
}

ApiError bad_request(std::string param, std::string message, std::string code) {
  ApiError error = invalid(400, std::move(message), std::move(code));
  error.param = std::move(param);
  return error;
}

ApiError invalid_api_key() {
  // litellm knows a wrong key by the first four words.
  return invalid(401,
                 "Incorrect API key provided, or none: send it as Authorization: Bearer KEY, "
                 "api-key or x-api-key",
                 "invalid_api_key");
}

ApiError model_not_found(std::string_view model) {
  ApiError error = invalid(404,
                           fmt::format("the model \"{}\" does not exist; GET /v1/models lists "
                                       "what is served",
                                       model.substr(0, 256)),
                           "model_not_found");
  error.param = "model";
  return error;
}

ApiError context_length_exceeded(std::int64_t limit, std::int64_t prompt_tokens,
                                 std::int64_t completion_tokens) {
  // LangChain, LlamaIndex and litellm look for "maximum context length is".
  const std::int64_t total = prompt_tokens + completion_tokens;
  std::string message =
      completion_tokens == 0
          ? fmt::format(
                "This model's maximum context length is {} tokens. However, you requested {} "
                "tokens in the messages. Please reduce the length of the messages.",
                limit, prompt_tokens)
          : fmt::format(
                "This model's maximum context length is {} tokens. However, you requested {} "
                "tokens ({} in the messages, {} in the completion). Please reduce the length "
                "of the messages or completion.",
                limit, total, prompt_tokens, completion_tokens);
  ApiError error = invalid(400, std::move(message), "context_length_exceeded");
  error.param = "messages";
  return error;
}

ApiError queue_full(std::string message, int retry_after_ms) {
  ApiError error = make(429, std::move(message), "rate_limit_error", "queue_full");
  error.retry_after_ms = retry_after_ms;
  return error;
}

ApiError unavailable(std::string message, int retry_after_ms) {
  ApiError error = make(503, std::move(message), kServerError, "unavailable");
  error.retry_after_ms = retry_after_ms;
  return error;
}

ApiError too_large(std::string param, std::string message) {
  ApiError error = invalid(413, std::move(message), "too_large");
  error.param = std::move(param);
  return error;
}

ApiError internal_error() {
  return make(500, "the server failed to handle the request; its log says more", kServerError,
              "internal_error");
}

ApiError generation_failed(std::string message) {
  return make(500, std::move(message), kServerError, "generation_failed");
}

ApiError unknown_route(std::string_view method, std::string_view path) {
  return invalid(404, fmt::format("{} {} is not served here", method, path.substr(0, 256)),
                 "unknown_url");
}

ApiError method_not_allowed(std::string_view method, std::string_view path) {
  return invalid(405, fmt::format("{} is not allowed for {}", method, path.substr(0, 256)),
                 "method_not_allowed");
}

ApiError from_status(int status, std::string_view message) {
  switch (status) {
    case 401:
      return invalid(401, std::string(message), "invalid_api_key");
    case 404:
      return invalid(404, std::string(message), "unknown_url");
    case 408:
      return invalid(408, std::string(message), "request_timeout");
    case 413:
    case 414:
    case 431:
      return invalid(status, std::string(message), "too_large");
    case 415:
      return invalid(415, std::string(message), "unsupported_media_type");
    case 429:
      return queue_full(std::string(message), kRetryMs);
    case 503:
      return unavailable(std::string(message), kRetryMs);
    default:
      return status >= 500 ? make(status, std::string(message), kServerError, "internal_error")
                           : invalid(status, std::string(message), "");
  }
}

std::string format_error(const ApiError& error) {
  const auto or_null = [](JsonWriter& json, const std::string& text) {
    text.empty() ? json.null() : json.string(text);
  };
  JsonWriter json;
  json.open_object().key("error").open_object();
  json.key("message").string(error.message);
  json.key("type").string(error.type);
  json.key("param");
  or_null(json, error.param);
  json.key("code");
  or_null(json, error.code);
  return json.close_object().close_object().take();
}

}  // namespace monocle::api
